import type { Random } from '../../lib/random.ts'
import { capital, expand } from './grammar.ts'
import { drawers, firstNames, lastNames, openings, rhymes, strangers, words } from './words.ts'

/** How much the band has done already. */
export interface Size {
  vibes: number
  cuts: number
  /** Replies included. */
  comments: number
  tasks: number
}
export const sizes = {
  full: { vibes: 12, cuts: 300, comments: 3_000, tasks: 60 },
  demo: { vibes: 8, cuts: 80, comments: 800, tasks: 30 },
  quick: { vibes: 4, cuts: 24, comments: 120, tasks: 12 },
} as const satisfies Record<string, Size>

/** Members are 0 (owner), 1 (editor) and 2 (commenter). */
export type Who = 0 | 1 | 2
export const roles = ['owner', 'editor', 'commenter'] as const

export interface CutPlan {
  vibe: number
  name: string
  bpm: number
  timeSignature: string
  lyrics: string[]
}
export interface ThreadPlan {
  on: { cut: number } | { task: number }
  by: Who
  body: string
  atMs: number | null
  endMs: number | null
  replies: { by: Who; body: string }[]
  resolved: boolean
}
export interface TaskPlan {
  title: string
  description: string
  status: 'todo' | 'doing' | 'review' | 'done'
  assignee: Who | null
  dueAt: string | null
  labels: string[]
}
export interface Band {
  name: string
  people: { first: string; name: string }[]
  stranger: string
  vibes: { name: string; theme: string }[]
  cuts: CutPlan[]
  tasks: TaskPlan[]
  threads: ThreadPlan[]
}

/** Two rhyming couplets. */
export function verse(random: Random): string[] {
  const starts = random.shuffle(openings)
  const families = random.shuffle(rhymes).slice(0, 2)
  return families.flatMap((family, couplet) =>
    random
      .shuffle(family)
      .slice(0, 2)
      .map((end, line) => `${starts[couplet * 2 + line]} ${end}`),
  )
}

/** A sentence from one of the lists of words; `[other]` and `[cut]` are given. */
export const sentence = (random: Random, list: readonly string[], given: Record<string, string> = {}): string =>
  capital(expand(words, random, random.pick(list), given))

function songNames(random: Random, count: number): string[] {
  const names = new Set<string>()
  while (names.size < count) {
    const name = sentence(random, words.song)
    const again = [`${name}, take ${random.int(2, 5)}`, `${name} (acoustic)`, `${name}, slow version`]
    names.add(names.has(name) ? random.pick(again) : name)
  }
  return [...names]
}

function planTask(random: Random, given: Record<string, string>): TaskPlan {
  const due = random.chance(0.6) ? new Date(Date.UTC(2027, 0, random.int(4, 60), 18)).toISOString() : null
  const title = sentence(random, words.task, given)
  return {
    title,
    // what is about no song needs no reason in it
    description: sentence(random, title.includes('“') ? words.why : words.agreed, given),
    status: random.pick(['todo', 'todo', 'doing', 'review', 'done']),
    assignee: random.pick<Who | null>([0, 1, 2, null]),
    dueAt: due,
    labels: random.shuffle(['mix', 'vocals', 'gear', 'live', 'writing']).slice(0, random.int(0, 2)),
  }
}

function planThread(random: Random, size: Size, room: number, otherOf: (by: Who) => string): ThreadPlan {
  const who = (not?: Who): Who => random.pick(([0, 1, 1, 2, 2] as const).filter((one) => one !== not))
  const by = who()
  const onTask = random.chance(0.05)
  const replies: ThreadPlan['replies'] = []
  for (let from = by, left = Math.min(room - 1, random.pick([0, 0, 1, 1, 2, 3])); left > 0; left--) {
    from = who(from)
    replies.push({ by: from, body: sentence(random, words.reply, { other: otherOf(from) }) })
  }
  const at = onTask || random.chance(0.25) ? null : random.int(2, 210) * 1000
  return {
    on: onTask ? { task: random.int(0, size.tasks - 1) } : { cut: random.int(0, size.cuts - 1) },
    by,
    body: sentence(random, words.comment, { other: otherOf(by) }),
    atMs: at,
    endMs: at !== null && random.chance(0.3) ? at + random.int(1, 12) * 1000 : null,
    replies,
    resolved: random.chance(0.25),
  }
}

/** A band and everything it has in its project. The same chance makes the same band. */
export function planBand(random: Random, size: Size): Band {
  const firsts = random.shuffle(firstNames).slice(0, 3)
  const lasts = random.shuffle(lastNames)
  const otherOf = (by: Who) => random.pick(firsts.filter((_, index) => index !== by))
  const names = songNames(random, size.cuts)
  const threads: ThreadPlan[] = []
  for (let left = size.comments; left > 0; ) {
    const thread = planThread(random, size, left, otherOf)
    threads.push(thread)
    left -= 1 + thread.replies.length
  }
  return {
    name: sentence(random, words.bandname),
    people: firsts.map((first, index) => ({ first, name: `${first} ${lasts[index]}` })),
    stranger: random.pick(strangers),
    vibes: random
      .shuffle(drawers)
      .slice(0, size.vibes)
      .map(([name, theme]) => ({ name, theme })),
    cuts: names.map((name) => ({
      vibe: random.int(0, size.vibes - 1),
      name,
      bpm: random.int(64, 176),
      timeSignature: random.pick(['4/4', '4/4', '4/4', '3/4', '6/8', '7/8', '5/4']),
      lyrics: random.chance(0.25) ? verse(random) : [],
    })),
    tasks: Array.from({ length: size.tasks }, () => planTask(random, { other: random.pick(firsts), cut: random.pick(names) })),
    threads,
  }
}
