import { pause } from './clock.ts'
import { createHost } from './host.ts'
import { readOptions, usage } from './options.ts'
import { playAll } from './play.ts'
import { createScreen } from './screen.ts'

/** Undone in reverse, whatever happens. */
const undo: (() => Promise<void>)[] = []
let closing: Promise<void> | undefined
const cleanUp = (): Promise<void> => {
  closing ??= (async () => {
    for (const step of undo.reverse()) await step().catch((error) => console.error(error))
  })()
  return closing
}

const screen = createScreen(process.stdout, process.env)

let fail = (_: Error) => {}
const failed = new Promise<never>((_, reject) => {
  fail = reject
})

async function run(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (options.help) {
    screen.line(usage)
    return 0
  }
  const host = await createHost(fail)
  undo.push(host.close)
  const code = await Promise.race([playAll(screen, host, options, undo, fail), failed])
  // A signal ends it, or the end of the server.
  return options.keep ? failed : code
}

process.on('unhandledRejection', (error) => fail(error instanceof Error ? error : new Error(String(error))))
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.on(signal, async () => {
    if (closing) return
    screen.status('')
    screen.line('\n  Stopped. Ending the server and removing its data …')
    // the play goes on in vain until then, and what it says about that is no news
    screen.line = () => {}
    screen.status = () => {}
    await cleanUp()
    screen.close()
    process.exit(code)
  })
}

let code = 1
try {
  code = await run()
} catch (error) {
  screen.status('')
  if (!closing) console.error(`\n  The demo cannot go on: ${error instanceof Error ? error.message : error}`)
}
// when a signal was first, it ends us
if (closing) await pause(60_000)
await cleanUp()
screen.close()
process.exit(code)
