import { measureWrites } from '../support/writes.ts'

/** All write in one project: its counter is one row. */
export const scenario = measureWrites({
  id: 'S2',
  title: 'Create a comment over HTTP, one hot project, 16 writers',
  projects: 1,
  connections: 16,
  asked: { limit: 0.8 },
})
