import { measureWrites } from '../support/writes.ts'

/** Writers of a studio: many projects, so that no room's counter is waited for. */
export const scenario = measureWrites({
  id: 'S1',
  title: 'Create a comment over HTTP, 50 projects, 16 connections',
  projects: 50,
  connections: 16,
  asked: { limit: 0.8, peers: 1.2, cpu: 1.3 },
})
