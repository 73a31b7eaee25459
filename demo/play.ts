import { fill, writesOf } from '../src/cli/band/fill.ts'
import { planBand, roles, sizes } from '../src/cli/band/plan.ts'
import { createRandom } from '../test/support/random.ts'
import { rush } from './burst.ts'
import { assemble, type Company } from './cast.ts'
import { now } from './clock.ts'
import { everybodyHas, headOf, type Stage } from './context.ts'
import { header } from './header.ts'
import type { Host } from './host.ts'
import type { Sent } from './latency.ts'
import { createNarrator, type Narrator } from './narrator.ts'
import type { Options } from './options.ts'
import type { Person, PersonHooks } from './people.ts'
import { animate, showProgress } from './progress.ts'
import { report } from './report.ts'
import { killed, tunnel, work } from './scenes.ts'
import { bar, type Screen } from './screen.ts'
import { judge } from './verify.ts'

/** Writes at once while the project is filled. */
const LANES = 16
/** Steps of all scenes, for the bar. */
const STEPS = 34

const scenes = [
  [() => 'An afternoon of work', work, true],
  [({ commenter }: Stage) => `${commenter.name} loses the connection`, tunnel, true],
  [() => 'The server is killed', killed, false],
  [() => 'All write at once', rush, false],
] as const

/** The whole demo. The answer is the exit code. */
export async function playAll(
  screen: Screen,
  host: Host,
  options: Options,
  undo: (() => Promise<void>)[],
  fail: (error: Error) => void,
): Promise<number> {
  const random = createRandom(options.seed)
  const band = planBand(random, options.quick ? sizes.quick : sizes.demo)
  const log = { sent: new Map<string, Sent>(), answered: new Set<string>() }
  const troubles: string[] = []
  let narrator: Narrator | undefined
  const hooks: PersonHooks = {
    ...log,
    saw: (person, sightings) => narrator?.saw(person, sightings),
    status: (person) => narrator?.status(person),
    trouble: (person, problem) => void troubles.push(`${person.name}: ${problem}`),
    died: (person) => fail(new Error(`the process of ${person.name} is gone`)),
  }
  const title = (text: string) => screen.line(`\n${screen.paint('bold', text)}`)

  header(screen, band, options)
  title('1  A server, five clients, a band’s work')
  const began = now()
  const stopWaiting = animate(
    screen,
    () => `  starting the server with a database of its own … ${Math.round((now() - began) / 1000)} s`,
  )
  await host.start()
  const company = await assemble(host.url, band, undo, hooks)
  stopWaiting()
  screen.line(`  ${host.url} is up, and all are connected, after ${((now() - began) / 1000).toFixed(1)} s.`)

  const { members, phone, stranger, hands, project, logins } = company
  const [owner, editor, commenter] = members
  const total = writesOf(band)
  const from = now()
  const got = (person: Person) => screen.paint(person.style, `${person.name} ${person.sightings.length.toLocaleString('en-US')}`)
  const stopProgress = showProgress(
    screen,
    'writing',
    total,
    () => log.answered.size,
    () => `got ${members.map(got).join(', ')}`,
  )
  const filled = await fill(band, project.id, hands, LANES, {
    sending: (key, by) => void log.sent.set(key, { by, at: now(), crowd: true }),
    answered: (key) => void log.answered.add(key),
  })
  stopProgress()
  const client = hands[0]?.client
  if (!client) throw new Error('the band has no member')
  const head = await headOf({ client, projectId: project.id })
  await everybodyHas([...members, phone], head)
  screen.line(
    `  ${total.toLocaleString('en-US')} writes in ${((now() - from) / 1000).toFixed(1)} s, ${LANES} at a time; all have every event.`,
  )

  const stage: Stage = {
    ...{ screen, random, host, client, filled, owner, editor, commenter, phone, stranger },
    narrator: createNarrator(screen, members, stranger, log.sent),
    projectId: project.id,
    quick: options.quick,
    steps: 0,
  }
  narrator = stage.narrator
  narrator.tell(head)
  screen.line()
  screen.line(
    screen.paint(
      'dim',
      '  The numbers on the right of each event are milliseconds from the request to the event in each member’s process: HTTP, commit, delivery.',
    ),
  )
  const stopStatus = animate(screen, () => statusLine(stage, members))
  for (const [index, [name, scene, headed]] of scenes.entries()) {
    title(`${index + 2}  ${name(stage)}`)
    if (headed) narrator.heading()
    await scene(stage)
  }
  stopStatus()

  title('6  What arrived')
  const outcome = await judge({ ...log, client, projectId: project.id, members, phone, stranger, troubles })
  report(screen, outcome, stranger)
  if (options.keep) tellLogins(screen, host.url, logins)
  return outcome.faults.length === 0 ? 0 : 1
}

/** Where to look at what was played. */
function tellLogins(screen: Screen, url: string, { emails, password }: Company['logins']): void {
  screen.line()
  screen.line(`  The server is still there: ${screen.paint('bold', `${url}/`)}`)
  for (const [index, email] of emails.entries()) screen.line(`    ${email}  (${roles[index]})`)
  screen.line(`    password of all three: ${password}`)
  screen.line('  Ctrl-C ends it and removes its data.')
}

/** Where the session is, and who is here. */
function statusLine({ screen, steps, stranger }: Stage, members: readonly Person[]): string {
  const here = members.map((member) =>
    screen.paint(member.isLive ? member.style : 'dim', `${member.isLive ? '●' : '○'} ${member.name}`),
  )
  const seq = Math.max(...members.map((member) => member.sightings.at(-1)?.seq ?? 0))
  const tries = `${stranger.name} ${stranger.attempts.length} tries, ${stranger.frames.length} frames`
  return `  ${bar(steps / STEPS, 20)} #${seq}  ${here.join('  ')}  ${screen.paint(stranger.style, tries)}`
}
