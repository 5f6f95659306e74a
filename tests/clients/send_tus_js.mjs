// tus-js-client in Node as its users run it: one stream, its own retries, a file of addresses.
//     node send_tus_js.mjs <origin> <file> <token> <memory>
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import * as tus from 'tus-js-client'

const [origin, path, token, memory] = process.argv.slice(2)
const upload = new tus.Upload(createReadStream(path), {
  endpoint: `${origin}/files/`,
  headers: { Authorization: `Bearer ${token}` },
  metadata: { filename: basename(path), filetype: 'audio/flac' },
  retryDelays: [100, 200, 400, 800, 800, 800],
  urlStorage: new tus.FileUrlStorage(memory),
  onError: (error) => {
    console.error(String(error))
    process.exit(1)
  },
})
const [previous] = await upload.findPreviousUploads()
if (previous) upload.resumeFromPreviousUpload(previous)
upload.start()
