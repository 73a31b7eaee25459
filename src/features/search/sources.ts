import type { SearchType } from '@cutroom/contract'

/** Where the things of one type are read, as `t`. */
export interface Source {
  /** The table, and what it is joined with to leave out what cannot be seen. */
  from: string
  /** Names a thing; unique among those of its type. */
  id: string
  /** The project or conversation whose people may find it. */
  scope: string
  /** The thing that takes it along when it is deleted. */
  parent: string
  at: string
  version: string
  title: string
  text: string
}

// LIMIT keeps the planner from reading all projects for those of a few things.
const IN_PROJECT = 'CROSS JOIN LATERAL (SELECT * FROM "Project" WHERE id = t."projectId" AND "deletedAt" IS NULL LIMIT 1) p'
const rowOf = { id: 't.id', scope: 't."projectId"', at: 't."createdAt"', version: 't.version' }
/** As many characters as are indexed, without loading all of a long text. */
const begin = (column: string): string => `left(${column}, 50000)`

/** All types, in the order in which the index is built. */
export const sources: Record<SearchType, Source> = {
  project: {
    ...rowOf,
    from: '(SELECT * FROM "Project" WHERE "deletedAt" IS NULL) t',
    scope: 't.id',
    parent: 'NULL::uuid',
    title: 't.name',
    text: `coalesce(t.description, '')`,
  },
  vibe: {
    ...rowOf,
    from: `"Vibe" t ${IN_PROJECT}`,
    parent: 'NULL::uuid',
    title: 't.name',
    text: `concat_ws(E'\\n', t.theme, t.notes)`,
  },
  cut: { ...rowOf, from: `"Cut" t ${IN_PROJECT}`, parent: 't."vibeId"', title: 't.name', text: `''` },
  lyrics: {
    ...rowOf,
    from: `"Lyrics" t JOIN "Cut" c ON c.id = t."cutId" ${IN_PROJECT}`,
    id: 't."cutId"',
    parent: 't."cutId"',
    at: 'c."createdAt"',
    title: `''`,
    text: begin(`(SELECT string_agg(line.value->>'text', E'\\n' ORDER BY line.ordinality)
      FROM jsonb_array_elements(t.lines) WITH ORDINALITY AS line)`),
  },
  task: {
    ...rowOf,
    from: `"Task" t ${IN_PROJECT}`,
    parent: 'NULL::uuid',
    title: 't.title',
    text: `concat_ws(E'\\n', t.description, array_to_string(t.labels, ', '))`,
  },
  file: { ...rowOf, from: `"File" t ${IN_PROJECT}`, parent: 't."cutId"', title: 't.name', text: `''` },
  comment: {
    ...rowOf,
    from: `"Comment" t ${IN_PROJECT}`,
    parent: 'coalesce(t."parentId", t."cutId", t."taskId")',
    title: `''`,
    text: 't.body',
  },
  message: {
    ...rowOf,
    from: '"Message" t',
    scope: 't."conversationId"',
    parent: 'NULL::uuid',
    title: `''`,
    text: 't.body',
  },
}

/** All types, in this order. */
export const indexedTypes = Object.keys(sources) as SearchType[]

/** A thing to be indexed. */
export interface Doc {
  type: SearchType
  id: string
}
