import type { Project, Role } from '@cutroom/contract'
import { readable } from '../shared/reading.ts'
import { presentPerson, type Shown, stamps } from '../shared/serialize.ts'

export const presentProject = (row: Shown<'Project', 'author'>): Project => ({
  id: row.id,
  name: row.name,
  description: row.description,
  author: presentPerson(row.author),
  ...stamps(row),
})

const columns = ['id', 'name', 'description', 'version', 'createdAt', 'updatedAt'] as const
const drawn = { people: { author: 'authorId' }, texts: ['name', 'description'] }
export const projectReading = readable({ ...drawn, columns, present: presentProject })

/** A project with the role of the person whose list it is in: the list has the person's rows of `Member`. */
export const ownProjectReading = readable({
  ...drawn,
  columns: [...columns, 'projectId', 'role'],
  join: {
    alias: 'own',
    sql: `CROSS JOIN LATERAL (
      SELECT p.*, m.role, m."projectId" FROM "Project" p JOIN "Member" m ON m."projectId" = p.id AND m."userId" = t."userId"
      WHERE p.id = t."projectId" LIMIT 1) own`,
  },
  present: ({ role, ...row }: Parameters<typeof presentProject>[0] & { projectId: string; role: Role }) => ({
    ...presentProject(row),
    role,
  }),
})
