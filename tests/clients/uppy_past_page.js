// A page with Uppy as the documents tell: past the gateway, and what brings files back after a reload.
import AwsS3 from '@uppy/aws-s3'
import Uppy from '@uppy/core'
import GoldenRetriever from '@uppy/golden-retriever'
import { pastTheGateway } from './uppy-past-the-gateway.js'
import { watched } from './watched.js'

const said = new URLSearchParams(location.hash.slice(1))
const uppy = new Uppy({ id: 'past', autoProceed: true })
const past = await pastTheGateway(uppy, { origin: said.get('origin'), token: () => said.get('token') })
if (!past) throw new Error('this store was not found fit for signed parts')
uppy.use(AwsS3, past).use(GoldenRetriever, { indexedDB: { maxFileSize: 100 * 1024 * 1024 } })
watched(uppy)
