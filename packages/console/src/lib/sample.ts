// A band at work, to look at. It is written through the API like all that a person writes, as their own.
import { comments, cuts, projects, tasks, vibes } from '@cutroom/client'
import { client } from './session.ts'

type Status = 'todo' | 'doing' | 'review' | 'done'

const PROJECT = { name: 'The Velvet Compasses', description: 'A sample: a band on its way to a first record.' }

const TASKS: readonly { title: string; status: Status; labels: string[]; description: string | null }[] = [
  { title: 'Mix the chorus of “Harbour Radio”', status: 'todo', labels: ['mix'], description: 'The voice first, then all else.' },
  { title: 'New strings before Thursday', status: 'todo', labels: ['gear'], description: null },
  { title: 'Write a second verse for “Paper Engine”', status: 'doing', labels: ['writing'], description: null },
  { title: 'Tune the harmony in “Winter Ferry”', status: 'doing', labels: ['vocals'], description: null },
  { title: 'Rough mix of “Paper Engine” for the car test', status: 'review', labels: ['mix'], description: null },
  { title: 'Book the room for Saturday', status: 'done', labels: [], description: null },
]

interface SampleCut {
  name: string
  bpm: number
  timeSignature: string
  lyrics: readonly string[]
  threads: readonly { body: string; atMs: number | null; replies: readonly string[]; isDone: boolean }[]
}

const VIBES: readonly { name: string; theme: string; cuts: readonly SampleCut[] }[] = [
  {
    name: 'Late-night drive',
    theme: 'Motorway, rain, one hand on the wheel',
    cuts: [
      {
        name: 'Harbour Radio',
        bpm: 92,
        timeSignature: '4/4',
        lyrics: [
          'We left the engine running in the harbour light',
          'You were counting all the windows for half the night',
          '',
          'And the radio, the radio held on tight',
        ],
        threads: [
          {
            body: 'The snare is a hair late going into the chorus.',
            atMs: 42_000,
            replies: ['Heard it too. I nudge it 10 ms back.'],
            isDone: false,
          },
          { body: 'The doubled vocal here is exactly right.', atMs: 61_000, replies: [], isDone: false },
          { body: 'The count-in is too long.', atMs: 0, replies: ['Cut to one bar.'], isDone: true },
        ],
      },
      {
        name: 'Winter Ferry',
        bpm: 108,
        timeSignature: '6/8',
        lyrics: [],
        threads: [{ body: 'What if the drums drop out and only the voice stays?', atMs: 95_000, replies: [], isDone: false }],
      },
    ],
  },
  {
    name: 'Kitchen demos',
    theme: 'Phone recordings, kettle included',
    cuts: [
      {
        name: 'Paper Engine',
        bpm: 122,
        timeSignature: '4/4',
        lyrics: ['I found your letter waiting by the open door'],
        threads: [
          {
            body: 'Take 4 of the bass, please. The new one is too polite.',
            atMs: null,
            replies: ['Take 4 it is.'],
            isDone: true,
          },
        ],
      },
    ],
  },
]

/** One write, and those that need the id that it brings. */
type Step = () => Promise<Step[]>

function threadSteps(cutId: string, { body, atMs, replies, isDone }: SampleCut['threads'][number], options: object): Step[] {
  return [
    async () => {
      const { id: commentId } = await client.call(comments.createOnCut, { params: { cutId }, body: { body, atMs }, ...options })
      const params = { commentId }
      const steps: Step[] = replies.map((reply) => async () => {
        await client.call(comments.reply, { params, body: { body: reply }, ...options })
        return []
      })
      if (isDone)
        steps.push(async () => {
          await client.call(comments.resolve, { params, ...options })
          return []
        })
      return steps
    },
  ]
}

function cutSteps(vibeId: string, { lyrics, threads, ...body }: SampleCut, options: object): Step[] {
  return [
    async () => {
      const { id: cutId } = await client.call(cuts.create, { params: { vibeId }, body, ...options })
      const steps = threads.flatMap((thread) => threadSteps(cutId, thread, options))
      if (lyrics.length > 0)
        steps.push(async () => {
          const lines = lyrics.map((text) => ({ text }))
          await client.call(cuts.writeLyrics, { params: { cutId }, body: { lyrics: lines }, ...options })
          return []
        })
      return steps
    },
  ]
}

const threads = VIBES.flatMap(({ cuts }) => cuts).flatMap(({ threads }) => threads)
/** Writes of all of it. */
const TOTAL =
  1 +
  TASKS.length +
  VIBES.length +
  VIBES.flatMap(({ cuts }) => cuts).reduce((sum, { lyrics }) => sum + 1 + (lyrics.length > 0 ? 1 : 0), 0) +
  threads.reduce((sum, { replies, isDone }) => sum + 1 + replies.length + (isDone ? 1 : 0), 0)

/**
 * Writes the sample, one request after the other.
 * @param onStep told after each of them
 * @returns the id of its project
 */
export async function writeSample(onStep: (done: number, of: number) => void, signal: AbortSignal): Promise<string> {
  const options = { signal, retryForMs: 30_000 }
  const { id: projectId } = await client.call(projects.create, { body: PROJECT, ...options })
  const params = { projectId }
  const steps: Step[] = [
    ...TASKS.map((body) => async () => {
      await client.call(tasks.create, { params, body, ...options })
      return []
    }),
    ...VIBES.map(({ cuts, ...body }) => async () => {
      const { id } = await client.call(vibes.create, { params, body, ...options })
      return cuts.flatMap((cut) => cutSteps(id, cut, options))
    }),
  ]
  onStep(1, TOTAL)
  for (let done = 2, next = steps.shift(); next; next = steps.shift(), done++) {
    // what hangs below comes before the next of the same kind
    steps.unshift(...(await next()))
    onStep(done, TOTAL)
  }
  return projectId
}
