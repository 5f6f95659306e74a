// A page as an application would write it: Uppy, tus, and what brings files back after a reload.
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import Tus from '@uppy/tus'
import { watched } from './watched.js'

const said = new URLSearchParams(location.hash.slice(1))
const uppy = new Uppy({ id: 'page', autoProceed: true })
  .use(Tus, {
    endpoint: `${said.get('origin')}/files/`,
    headers: { Authorization: `Bearer ${said.get('token')}` },
    retryDelays: [100, 200, 400, 800, 800, 800],
  })
  .use(GoldenRetriever, { indexedDB: { maxFileSize: 100 * 1024 * 1024 } })

watched(uppy)
