import { expect } from 'vitest'
import type { TestApp } from './app.ts'
import { streamOf } from './event-stream.ts'
import { upTo } from './log.ts'
import type { Person } from './people.ts'
import { until } from './until.ts'

interface Removal {
  owner: Person
  gone: Person
  projectId: string
}

/**
 * Removes a person, who has a stream open, between two events. They get the first one and nothing behind it; the owner, whose stream
 * is open at the end, gets all.
 * @param far where the stream of the person is
 */
export async function removeWhileStreaming(near: TestApp, far: TestApp, { owner, gone, projectId }: Removal): Promise<void> {
  const add = (title: string) => owner.must('POST', `/api/projects/${projectId}/tasks`, { title })
  const [ends, stays] = [await streamOf(far, gone, projectId), await streamOf(near, owner, projectId)]
  for (const stream of [ends, stays]) await stream.first('ready')
  await add('Before')
  await owner.must('DELETE', `/api/projects/${projectId}/members/${gone.id}`)
  for (const n of upTo(5)) await add(`After ${n}`)
  await until('the end', () => ends.isOver())
  await until('the others have all', () => stays.events().filter(({ name }) => name === 'task:created').length === 6)
  expect(ends.events().map(({ name }) => name)).toEqual(['ready', 'task:created', 'access:revoked'])
  expect(ends.events().at(-1)?.data).toEqual({ projectId, reason: 'removed' })
  expect((await streamOf(far, gone, projectId, '', ends.lastId())).problem).toMatchObject({ code: 'not-found' })
  expect(stays.isOver()).toBe(false)
}
