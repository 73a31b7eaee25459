import { sentence, verse } from '../src/cli/band/plan.ts'
import { words } from '../src/cli/band/words.ts'
import { now, pause } from './clock.ts'
import { beat, breathe, everybodyHas, everybodyIsAway, headOf, membersOf, type Stage } from './context.ts'
import type { Person } from './people.ts'
import { tryDoors } from './stranger-scene.ts'

/** A sentence of `who` that may speak to another person. */
export const speak = (stage: Stage, who: Person, list: readonly string[], cut = '') =>
  sentence(stage.random, list, { other: stage.random.pick(membersOf(stage).filter((one) => one !== who)).name, cut })

/** They talk about a song, write it on, and get a task done. */
export async function work(stage: Stage): Promise<void> {
  const { random, filled, owner, editor, commenter, projectId } = stage
  const [song, next] = random.shuffle(filled.cuts)
  if (!song || !next) throw new Error('there are no songs to talk about')

  const remark = await beat(stage, commenter, {
    kind: 'comment',
    cutId: song.id,
    body: speak(stage, commenter, words.comment),
    atMs: 64_000,
  })
  await beat(stage, editor, { kind: 'reply', commentId: remark, body: speak(stage, editor, words.reply) })
  await beat(stage, owner, { kind: 'edit-cut', cutId: song.id, bpm: random.int(80, 150), timeSignature: '6/8' })
  const title = speak(stage, owner, words.task, song.name)
  const taskId = await beat(stage, owner, { kind: 'add-task', projectId, title, assigneeId: editor.userId })
  await beat(stage, editor, { kind: 'move-task', taskId, status: 'doing' })
  await tryDoors(stage, true)

  const lines = verse(random)
  for (const count of lines.keys())
    await beat(stage, editor, { kind: 'lyrics', cutId: next.id, lines: lines.slice(0, count + 1) }, 1.2)
  await beat(stage, commenter, { kind: 'comment', cutId: next.id, body: 'That last line is the chorus, keep it.', atMs: null })
  const drawer = random.pick(filled.vibes.filter((_, index) => index !== next.vibe))
  await beat(stage, owner, { kind: 'move-cut', cutId: next.id, vibeId: drawer.id })
  await beat(stage, editor, { kind: 'move-task', taskId, status: 'review' })
  await beat(stage, editor, { kind: 'resolve', commentId: remark })
  await beat(stage, owner, { kind: 'move-task', taskId, status: 'done' })
}

/** The commenter's connection breaks; the others go on; they come back and have everything. */
export async function tunnel(stage: Stage): Promise<void> {
  const { random, filled, owner, editor, commenter, phone } = stage
  for (const device of [commenter, phone]) device.setConnected(false)
  await everybodyIsAway([commenter, phone])
  let last = ''
  for (const [index, { id: commentId }] of random.shuffle(filled.open).slice(0, 7).entries()) {
    const who = index % 2 === 0 ? owner : editor
    const reply = { kind: 'reply', commentId, body: speak(stage, who, words.reply) } as const
    last = await beat(stage, who, index === 3 ? { kind: 'resolve', commentId } : reply, 0.8)
  }
  for (const device of [commenter, phone]) device.setConnected(true)
  await Promise.all([commenter.whenLive(), phone.whenLive()])
  await breathe(stage)
  await beat(stage, commenter, { kind: 'reply', commentId: last, body: 'Sorry, tunnel. Read it all just now.' })
}

/** SIGKILL while writes are in flight; the same port, the same data; all come back by themselves. */
export async function killed(stage: Stage): Promise<void> {
  const { screen, random, filled, host, narrator, phone, stranger } = stage
  const members = membersOf(stage)
  const from = await headOf(stage)
  await everybodyHas([...members, phone], from)
  narrator.hush()

  const answered = new Set<string>()
  const each = stage.quick ? 4 : 10
  const write = async (who: Person) => {
    const body = speak(stage, who, words.comment)
    answered.add(await who.act({ kind: 'comment', cutId: random.pick(filled.cuts).id, body, atMs: null }, true))
  }
  const writes = Array.from({ length: each }, () => members.map(write)).flat()
  for (const written of writes) written.catch(() => {}) // awaited below, and not before
  // some have been answered, the others are on their way
  while (answered.size < members.length) await pause(1)
  screen.line(
    `  ${screen.paint('red', `kill -9. ${writes.length - answered.size} of ${writes.length} writes have no answer yet: they are sent again, with the same key`)}`,
  )
  await host.kill()
  const at = now()
  await everybodyIsAway([...members, phone, stranger])
  // and some that meet no server at all
  writes.push(...members.map(write))
  await breathe(stage, 2)
  // every answer so far came from the dead server, and so did every event that is dated before now
  const heard = answered.size
  const began = Date.now()
  await host.start()
  const down = ((now() - at) / 1000).toFixed(1)
  screen.line(`  ${screen.paint('green', `the server is up again after ${down} s, on the same port and data`)}`)
  await Promise.all([...writes, ...[...members, phone, stranger].map((person) => person.whenLive())])
  stage.steps += 4

  const head = await headOf(stage)
  await everybodyHas([...members, phone], head)
  const before = stage.owner.sightings.filter(({ seq, date }) => seq > from && Date.parse(date) < began).length
  screen.line(`  ${writes.length} writes are answered by now, and made ${head - from} events: #${from + 1} to #${head}`)
  if (before > heard)
    screen.line(`  ${before - heard} of them were committed and no one had heard of it: the second request got the first answer`)
  narrator.tell(head)
}
