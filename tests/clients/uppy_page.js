// A page as an application would write it: Uppy, tus, and what brings files back after a reload.
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'

const said = new URLSearchParams(location.hash.slice(1))
const uppy = new Uppy({ id: 'page', autoProceed: true })
  .use(Tus, {
    endpoint: `${said.get('origin')}/files/`,
    headers: { Authorization: `Bearer ${said.get('token')}` },
    retryDelays: [100, 200, 400, 800, 800, 800],
  })
  .use(GoldenRetriever, { indexedDB: { maxFileSize: 100 * 1024 * 1024 } })

window.restored = 0
uppy.on('restored', () => {
  window.restored = uppy.getFiles().filter((file) => !file.isGhost).length
  uppy.emit('restore-confirmed')
})
uppy.on('complete', (result) => {
  window.finished = result.successful.length === 1 && result.failed.length === 0
})
uppy.on('error', (error) => {
  window.failure = String(error)
})
document.querySelector('input').addEventListener('change', (event) => {
  const [file] = event.target.files
  uppy.addFile({ name: file.name, type: 'audio/flac', data: file })
})
window.uppy = uppy
