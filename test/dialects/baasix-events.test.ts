import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import type { File } from '@cutroom/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Deployed, deployments, useDeployment } from '../support/deployments.ts'
import { named, speak } from '../support/dialects.ts'
import { cutOut } from '../support/documents.ts'
import { textOf, uploadFile } from '../support/files.ts'
import { mention, nextNotification } from '../support/notifications.ts'
import { createCut, createTeam, type Person } from '../support/people.ts'
import { connect } from '../support/sockets.ts'
import { until } from '../support/until.ts'

// The events that the document of BAASIX lists, each with the shape that is printed there, and the hook file that it prints.

type Shape = Record<string, unknown>
/** What the document prints as the payload of these events. */
const printed = (from: string, to: string): Shape => runInNewContext(`(${cutOut('baasix', from, to).slice(from.length)})`)

const SHAPES: Record<string, Shape> = {
  item: printed('// Item events\n', '// Notification events'),
  notification: printed('// Notification events\n', 'File Events\n'),
  file: printed('uploadedfile.deleted: When a file is deleted\nEvent payload structure:\n', 'Custom Events'),
  // The document lists them and prints no payload.
  user: { userId: 'user-id', timestamp: '2025-01-15T10:30:00.000Z' },
}
const LISTED = [
  ...cutOut('baasix', 'Item Events', 'Client Integration').matchAll(/((?:item|notification|user|file)\.[a-z]+): /g),
].map(([, name = '']) => name)
const HOOK = cutOut('baasix', "export default {\nid: 'notification-hook'", 'Room Management')

interface Scene {
  site: Deployed
  owner: Person
  mate: Person
  projectId: string
}

const newTask = ({ owner, projectId }: Scene) =>
  owner.must<{ id: string }>('POST', `/api/projects/${projectId}/tasks`, { title: 'One' })
async function newFile({ site, owner, projectId }: Scene): Promise<File> {
  const { cut } = await createCut(owner, projectId)
  return uploadFile(site.rest, owner, cut.id, textOf(100), { filename: 'notes.txt' })
}
async function newNotification({ owner, mate, projectId }: Scene) {
  const { cut } = await createCut(owner, projectId)
  await owner.must('POST', `/api/cuts/${cut.id}/comments`, { body: mention(mate) })
  return nextNotification(mate, 'the mention', ({ kind }) => kind === 'mention')
}

/** By name: what causes it, once `mate` is connected. */
const causes: Record<string, (scene: Scene) => Promise<unknown>> = {
  'item.created': newTask,
  'item.updated': async (scene) => scene.owner.must('PATCH', `/api/tasks/${(await newTask(scene)).id}`, { title: 'Two' }),
  'item.deleted': async (scene) => scene.owner.must('DELETE', `/api/tasks/${(await newTask(scene)).id}`),
  'notification.new': newNotification,
  'notification.seen': async (scene) =>
    scene.mate.must('PATCH', `/api/me/notifications/${(await newNotification(scene)).id}`, { seen: true }),
  'notification.deleted': async (scene) =>
    scene.mate.must('DELETE', `/api/me/notifications/${(await newNotification(scene)).id}`),
  'user.connected': ({ site, owner }) => connect(site.others, owner),
  'user.disconnected': async ({ site, owner }) => (await connect(site.others, owner)).socket.close(),
  'file.uploaded': newFile,
  'file.deleted': async (scene) => scene.owner.must('DELETE', `/api/files/${(await newFile(scene)).id}`),
}

/** What is sent when something is gone or seen names it, and has no more of it than that. */
const isBrief = (name: string) => /deleted|seen/.test(name)

it('the document lists ten events, and each has a cause here', () => {
  expect(LISTED.toSorted()).toEqual(Object.keys(causes).toSorted())
})

describe.each(deployments)('the events of BAASIX’s document on $title', (deployment) => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cutroom-extensions-'))
    await writeFile(join(folder, 'notification-hook.mjs'), HOOK)
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))
  const site = useDeployment(deployment, (redis) => ({
    env: { DIALECTS: 'baasix', EXTENSIONS_DIR: folder, ...redis },
    seams: { timings: { graceMs: 100 } },
  }))

  async function scene(): Promise<Scene> {
    const { project, owner, editor } = await createTeam(site().rest, 'editor')
    return { site: site(), owner, mate: editor, projectId: project.id }
  }

  for (const name of LISTED)
    it(`C8 ${name} comes as it is printed`, async () => {
      const [kind = ''] = name.split('.')
      const shape = SHAPES[kind] ?? {}
      const here = await scene()
      const client = await speak(site().sockets, here.mate, 'baasix')
      await causes[name]?.(here)
      // The hook sends one of this name, too.
      const told = () => named(client, name).find(({ payload }) => Object.keys(shape).every((key) => key in payload))?.payload
      await until(name, () => told() !== undefined)
      expect(Object.keys(told() ?? {})).toEqual(Object.keys(shape))
      for (const [key, value] of Object.entries(told() ?? {})) {
        const likeness = shape[key]
        expect(typeof value).toBe(typeof likeness)
        if (typeof likeness !== 'object' || likeness === null) continue
        const fields = Object.keys(value as object)
        if (isBrief(name) || kind === 'item') expect(fields).toContain('id')
        else expect(fields.toSorted()).toEqual(Object.keys(likeness).toSorted())
      }
    })

  it('C8 the hook file of “Custom Events” runs: who is notified gets what it emits', async () => {
    const here = await scene()
    const client = await speak(site().sockets, here.mate, 'baasix')
    const { id, text, kind } = await newNotification(here)
    const fromHook = () => named(client, 'notification.new').filter(({ payload }) => payload.id === id)
    await until('the event of the hook', () => fromHook().length > 0)
    expect(fromHook().map(({ payload }) => payload)).toEqual([{ id, message: text, type: kind }])
  })
})
