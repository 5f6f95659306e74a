// What the test asks of a page: files come by its input, and what became of them is told.
export function watched(uppy) {
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
  window.uppy = uppy // there is nothing to wait for any more
}
