import { words } from '../src/cli/band/words.ts'
import type { Action } from './action.ts'
import { now, pause } from './clock.ts'
import { beat, breathe, everybodyHas, headOf, membersOf, type Stage } from './context.ts'
import type { Person } from './people.ts'
import { speak } from './scenes.ts'
import { tryDoors } from './stranger-scene.ts'

/** All write at once; then many writes, one after the other, at a pace that queues nothing. */
export async function rush(stage: Stage): Promise<void> {
  const { screen, random, filled, narrator, phone, owner, editor, commenter, quick } = stage
  const listeners = [...membersOf(stage), phone]
  const from = await headOf(stage)
  narrator.hush()
  const drawerFor = (vibe: number) => random.pick(filled.vibes.filter((_, index) => index !== vibe)).id
  const work = ({ id: cutId, vibe }: (typeof filled.cuts)[number]): [Person, Action][] => [
    [owner, { kind: 'edit-cut', cutId, bpm: random.int(64, 176), timeSignature: random.pick(['4/4', '3/4', '7/8']) }],
    [editor, { kind: 'move-cut', cutId, vibeId: drawerFor(vibe) }],
    [commenter, { kind: 'comment', cutId, body: speak(stage, commenter, words.comment), atMs: 5_000 }],
  ]

  const songs = random.shuffle(filled.cuts)
  const began = now()
  const atOnce = songs.slice(0, quick ? 5 : 20).flatMap(work)
  await Promise.all(atOnce.map(([who, action]) => who.act(action, true)))
  const head = await headOf(stage)
  await everybodyHas(listeners, head)
  screen.line(`  ${atOnce.length} writes at once, #${from + 1} to #${head}: all have them after ${Math.round(now() - began)} ms`)
  stage.steps += 2

  const perSecond = 25
  const steadily = songs.slice(-(quick ? 7 : 34)).flatMap(work)
  const writes: Promise<string>[] = []
  for (const [who, action] of steadily) {
    const written = who.act(action)
    written.catch(() => {}) // awaited below, and not before
    writes.push(written)
    await pause(1000 / perSecond)
  }
  await Promise.all(writes)
  const end = await headOf(stage)
  await everybodyHas(listeners, end)
  screen.line(`  ${steadily.length} more at ${perSecond} a second, #${head + 1} to #${end}: all have them`)
  stage.steps += 3
  narrator.tell(end)
  await breathe(stage)
  await tryDoors(stage, false)
  const [song] = songs
  if (song)
    await beat(stage, commenter, {
      kind: 'comment',
      cutId: song.id,
      body: 'Good night all, same time on Friday.',
      atMs: null,
    })
}
