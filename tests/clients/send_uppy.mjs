// Drives a page with Uppy in headless Chromium; is told on its standard input what becomes of it.
//     node send_uppy.mjs <chromium> <page> <origin> <file> <token>
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const [executablePath, page, origin, file, token] = process.argv.slice(2)
const quiet = ['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-sync']
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-component-update', ...quiet],
})
const context = await browser.newContext()
const address = `${page}#${new URLSearchParams({ origin, token })}`

async function opened() {
  const tab = await context.newPage()
  tab.on('console', (line) => console.error(line.text()))
  tab.on('pageerror', (error) => console.error(String(error)))
  tab.on('response', (answer) => {
    const part = new URL(answer.url()).searchParams.get('partNumber')
    if (part && answer.request().method() === 'PUT') console.error(`part ${part} ${answer.status()}`)
  })
  await tab.goto(address)
  await tab.waitForFunction(() => window.uppy)
  return tab
}

let tab = await opened()
await tab.setInputFiles('input', file)

const told = {
  async reload() {
    await tab.reload()
    await tab.waitForFunction(() => window.restored === 1)
  },
  // the process of the tab dies, as when memory is short; storage belongs to the browser
  async crash() {
    const dead = tab
    const crashed = new Promise((done) => dead.once('crash', done))
    dead.goto('chrome://crash').catch(() => {})
    await crashed
    tab = await opened()
    await tab.waitForFunction(() => window.restored === 1)
  },
  async fail() {
    await tab.waitForFunction(() => window.failure)
  },
  // the person at the page does not give up
  async retry() {
    await tab.evaluate(() => {
      window.failure = window.finished = undefined
      window.uppy.retryAll()
    })
  },
  async pause() {
    await tab.evaluate(() => window.uppy.pauseAll())
  },
  async resume() {
    await tab.evaluate(() => window.uppy.resumeAll())
  },
  async cancel() {
    await tab.evaluate(() => window.uppy.cancelAll())
  },
}
let turn = Promise.resolve()
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'finish') break
  turn = turn.then(() => told[line]())
  await turn
  console.log(line)
}
await tab.waitForFunction(() => window.finished !== undefined || window.failure, null, {
  timeout: 120000,
})
const failure = await tab.evaluate(() => window.failure)
if (failure) console.error(failure)
await browser.close()
process.exit(failure ? 1 : 0)
