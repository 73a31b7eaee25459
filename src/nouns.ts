import { comments } from './features/comments/noun.ts'
import { cuts } from './features/cuts/noun.ts'
import { members } from './features/members/noun.ts'
import { projects } from './features/projects/noun.ts'
import type { Noun, NounName } from './features/shared/noun.ts'
import { tasks } from './features/tasks/noun.ts'
import { vibes } from './features/vibes/noun.ts'

/** The nouns of a project, as in the contract. What others refer to comes first. */
const byName = { projects, members, tasks, vibes, cuts, comments } satisfies { [N in NounName]: Noun<N> }

export const nouns = Object.values(byName) as unknown as readonly Noun[]
