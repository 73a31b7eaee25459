import { comments } from './features/comments/noun.ts'
import { cuts } from './features/cuts/noun.ts'
import { files } from './features/files/noun.ts'
import { invitations } from './features/invitations/noun.ts'
import { markers } from './features/markers/noun.ts'
import { members } from './features/members/noun.ts'
import { projects } from './features/projects/noun.ts'
import type { Noun, NounName } from './features/shared/noun.ts'
import { shares } from './features/shares/noun.ts'
import { tasks } from './features/tasks/noun.ts'
import { vibes } from './features/vibes/noun.ts'
import { webhooks } from './features/webhooks/noun.ts'
import type { ProjectTable } from './jobs/retention.ts'

/** The nouns of a project, as in the contract. What others refer to comes first. */
const byName = { projects, members, invitations, tasks, vibes, cuts, files, shares, comments, markers, webhooks } satisfies {
  [N in NounName]: Noun<N>
}

export const nouns = Object.values(byName) as unknown as readonly Noun[]

/** Tables with rows of a project that its room does not show: each row is for one person, its `userId`, and names others as they are when it is read. */
export const personalTables: readonly ProjectTable[] = [{ name: 'Notification', key: 'id', project: 'projectId' }]

/** All tables with rows of a project, which are purged with it. What others refer to comes first. */
export const projectTables: readonly ProjectTable[] = [...nouns.flatMap(({ tables }) => tables), ...personalTables]
