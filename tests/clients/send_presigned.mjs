// A page that takes a file past the gateway, in headless Chromium; what it saw goes to its output.
//     node send_presigned.mjs <chromium> <page> <signed upload as JSON>
import { chromium } from 'playwright-core'

const [executablePath, page, said] = process.argv.slice(2)
const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync']
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-component-update', ...quiet],
})
const tab = await browser.newPage()
await tab.goto(page)
const seen = await tab.evaluate(async ({ method, url, headers, text }) => {
  try {
    const answer = await fetch(url, { method, headers, body: text })
    return { status: answer.status, etag: answer.headers.get('etag') }
  } catch (error) {
    return { refused: String(error) }
  }
}, JSON.parse(said))
console.log(JSON.stringify(seen))
await browser.close()
