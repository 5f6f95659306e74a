// Uppy sends files straight to the store, in signed parts. For @uppy/core and @uppy/aws-s3 6.x:
//
//     const past = await pastTheGateway(uppy, { origin: 'https://media.example', token: () => bearer })
//     if (past) uppy.use(AwsS3, past)
//     else uppy.use(Tus, { endpoint: `${origin}/files/`, headers: () => ({ Authorization: … }) })
//
// `token` is asked before each request. Of a file `meta.kind`, `meta.sha256` and `meta.parent` are
// told to the server where the page has set them. What the plugin would ask a store that it may
// write to (begin, list, complete, abort) the server does; the plugin gets its answers as data: URLs.
// An upload whose beginning was never heard of (a lost answer, a pause in that moment) counts as open
// until it expires.

const TRIES = 6
// where going on is in vain: the upload is begun anew with the next retry
const ENDED = [404, 410, 415, 422]
const SPENT = ['urls_exhausted', 'object_size_mismatch', 'object_type_mismatch']
const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds))
const hex = (digest) => [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join('')
const told = (xml) => ({ url: `data:application/xml,${encodeURIComponent(xml)}` })

/** The options of AwsS3, or null where the store was not found fit for it: take tus then. */
export async function pastTheGateway(uppy, { origin, token }) {
  const { part_size: partSize, presigned } = await ask('GET', '/api/v1/uploads/config')
  if (!presigned.parts) return null

  /** A request to the server, again while it is busy or not reached. */
  async function ask(method, path, body) {
    for (let tried = 1; ; tried += 1) {
      const headers = { Authorization: `Bearer ${await token()}`, 'Content-Type': 'application/json' }
      const said = { method, headers, body: body && JSON.stringify(body) }
      const answer = await fetch(origin + path, said).catch((error) => {
        if (tried === TRIES) throw error
      })
      if (answer?.ok) return answer.status === 204 ? null : answer.json()
      if (answer && (tried === TRIES || (answer.status !== 429 && answer.status < 500))) {
        const { title, detail, code } = await answer.json().catch(() => ({ title: answer.statusText }))
        throw Object.assign(new Error(detail ?? title), { status: answer.status, code })
      }
      await pause(Math.min(30, Number(answer?.headers.get('Retry-After')) || 2 ** tried / 8))
    }
  }

  const fileOf = (uploadId) => uppy.getFiles().find((file) => file.s3Multipart?.uploadId === uploadId)

  /** How an upload stands that has not ended badly. */
  async function standing(uploadId) {
    const status = await ask('GET', `/api/v1/uploads/${uploadId}`)
    if (['created', 'receiving', 'verifying', 'stored', 'duplicate'].includes(status.state)) return status
    const code = status.reason ?? status.state
    throw Object.assign(new Error(`the upload ended: ${code}`), { status: 410, code })
  }

  async function begin(fileId) {
    const { name, type, size, meta } = uppy.getFile(fileId)
    const { kind, sha256, parent } = meta
    const known = { file_name: name, content_type: type || undefined, size, kind, sha256, parent }
    const begun = await ask('POST', '/api/v1/media/sign-upload', { ...known, mode: 'multipart' })
    // taken away meanwhile: nobody else knows its id
    if (!uppy.getFiles().some((file) => file.id === fileId)) await abort(begun.upload_id).catch(() => {})
    const id = `<UploadId>${begun.upload_id}</UploadId>`
    return { ...told(`<InitiateMultipartUploadResult>${id}</InitiateMultipartUploadResult>`), key: begun.key }
  }

  async function signPart(uploadId, number) {
    const bytes = fileOf(uploadId).data.slice((number - 1) * partSize, number * partSize)
    const part = { number }
    if (presigned.part_digest_needed) {
      part.sha256 = hex(await crypto.subtle.digest('SHA-256', await bytes.arrayBuffer()))
    }
    const wanted = { upload_id: uploadId, parts: [part] }
    const [signed] = (await ask('POST', '/api/v1/media/parts', wanted)).parts
    if (signed.size !== bytes.size) throw new Error('begun with parts of another size: add the file anew')
    const { 'Content-Length': _, ...headers } = signed.headers // browsers say it themselves
    return { url: signed.url, headers }
  }

  /** The parts that need not be sent: those in the store, or all once it was committed. */
  async function list(uploadId) {
    const { state, total, parts } = await standing(uploadId)
    const sizes = new Map(parts?.map(({ number, size }) => [number, size]))
    const open = state === 'created' || state === 'receiving'
    if (open && !parts) throw new Error('the store does not tell which parts it has')
    let xml = ''
    for (let number = 1, from = 0; from < total; number += 1, from += partSize) {
      const whole = !open || sizes.get(number) === Math.min(partSize, total - from)
      if (whole) xml += `<Part><PartNumber>${number}</PartNumber><ETag>stored</ETag></Part>`
    }
    return told(`<ListPartsResult>${xml}</ListPartsResult>`)
  }

  /** Ends when the server has read and hashed the object; `uploadURL` is where its status stays. */
  async function commit(uploadId) {
    const { key } = await ask('POST', '/api/v1/media/commit', { upload_id: uploadId })
    let wait = 0.5 // seconds
    while (fileOf(uploadId) && (await standing(uploadId)).state === 'verifying') {
      await pause(wait)
      wait = Math.min(5, wait * 1.2)
    }
    const where = `<Location>${origin}/api/v1/uploads/${uploadId}</Location><Key>${key}</Key>`
    return told(`<CompleteMultipartUploadResult>${where}</CompleteMultipartUploadResult>`)
  }

  async function abort(uploadId) {
    await ask('DELETE', `/api/v1/uploads/${uploadId}`)
    return told('')
  }

  /** So that a retry begins anew. */
  function forget(uploadId) {
    const file = fileOf(uploadId)
    if (file) uppy.setFileState(file.id, { s3Multipart: undefined })
  }

  return {
    shouldUseMultipart: true,
    getChunkSize: () => partSize,
    generateObjectKey: (file) => file.id, // until the server names the key
    async signRequest({ method, key, uploadId, partNumber }) {
      if (!uploadId) return begin(key)
      try {
        if (partNumber) return await signPart(uploadId, partNumber)
        return await { GET: list, POST: commit, DELETE: abort }[method](uploadId)
      } catch (error) {
        if (ENDED.includes(error.status) || SPENT.includes(error.code)) forget(uploadId)
        throw error
      }
    },
  }
}
