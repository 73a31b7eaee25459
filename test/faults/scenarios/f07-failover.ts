import { startCrowd } from '../support/crowd.ts'
import { conclude, keepLoad, statusOf } from '../support/drive.ts'
import { readLogOnDisk } from '../support/oracle.ts'
import type { Scenario } from '../support/scenario.ts'
import { ask, detach, replayed, startStandby } from '../support/standby.ts'
import { startTypedClients } from '../support/typed-clients.ts'
import { populate } from '../support/world.ts'
import { newWrite, openHttp, sendUntilAnswered, startWriter } from '../support/writer.ts'

const LOST = 50

export const scenario: Scenario = {
  id: 'F7',
  title: `a standby that lacks the last ${LOST} events is promoted, 200 writes/s, three nodes, 200 clients`,
  async run(stage) {
    const primary = await stage.ownPostgres()
    const database = new URL(await primary.database()).pathname.slice(1)
    const proxy = await stage.proxy({ port: primary.port })
    const databaseUrl = primary.urlOf(database).replace(`:${primary.port}/`, `:${proxy.port}/`)
    const nodes = await stage.nodes(3, { databaseUrl })
    const [first] = nodes
    if (!first) throw new Error('no node')
    const urls = nodes.map((node) => node.url)
    const world = await populate(first, { people: 20, projects: 20, members: 5 })
    const standby = await startStandby(stage, primary)
    const crowd = await startCrowd(stage, { world, urls, size: stage.short ? 60 : 200 })
    const typed = await startTypedClients(stage, world, urls, 4)

    const seed = stage.random.int(0, 2 ** 30)
    const before = startWriter({ world, urls, perSecond: 200, seed })
    await keepLoad(stage, stage.seconds(15, 2) * 1000, [0, 0.3], statusOf(before, crowd))
    await before.stop()
    await replayed(primary, standby)
    await detach(standby)

    // Answered, delivered to all, and in no copy but one.
    const http = openHttp()
    stage.undo(http.close)
    const tail = await Promise.all(
      Array.from({ length: LOST }, async (_, n) => {
        const place = stage.random.pick(world.projects)
        const person = stage.random.pick(place.members)
        const write = newWrite(`lost-${n}`, place, n)
        const asks = { method: 'POST', path: `/api/projects/${place.id}/tasks`, body: { title: write.key } }
        await sendUntilAnswered(http, write, { urls, person, asks })
        return write
      }),
    )
    const old = await readLogOnDisk(primary.urlOf(database), world)
    await crowd.settled(old.heads, 20_000)
    stage.holds(
      `${LOST} more events were answered and delivered`,
      tail.every(({ key }) => old.times.get(key) === 1),
    )

    stage.mark('the primary dies')
    await primary.crash()
    const after = startWriter({ world, urls, perSecond: 200, seed: seed + 1 })
    // As a name that moves too early does: to a server that still is a standby.
    proxy.redirect(standby.port)
    await keepLoad(stage, 1_500, [0.3, 0.4], statusOf(after, crowd))
    const early = after.acked()
    stage.mark('the standby is promoted')
    const promoted = Date.now()
    await ask(standby.urlOf('postgres'), 'SELECT pg_promote(true)')
    await keepLoad(stage, stage.seconds(20, 3) * 1000, [0.4, 1], statusOf(after, crowd))

    await after.stop()
    const writer = { stop: after.stop, writes: [...before.writes, ...after.writes] }
    const { seen, log } = await conclude(stage, { world, nodes, crowd, writer, typed, databaseUrl: standby.urlOf(database) })

    const { ledger, positions } = seen
    const [place] = world.projects
    const token = place?.members[0]?.token ?? ''
    const now = await http.send(first.url, 'GET', `/api/projects/${place?.id}/events`, { token })
    const { epoch } = JSON.parse(now.body) as { epoch: string }
    const stale = positions.filter((one) => one.epoch !== epoch)
    stage.zero('writes answered by a standby', early)
    stage.zero(
      'clients not told reset',
      Math.max(stale.length, crowd.size - ledger.told.size),
      stale.map((one) => `${one.projectId} ${one.epoch}`),
    )
    stage.show('resets, clients', `${ledger.resets}, ${crowd.size}`)
    stage.holds('typed clients loaded a snapshot, each', typed.resets() >= 4, String(typed.resets()))
    const kept = tail.filter(({ key }) => log.times.has(key))
    stage.zero('lost events that came back', kept.length)
    // Under the old name nothing but the old log; above the fork the same numbers mean other events now.
    const mixed: string[] = []
    let reused = 0
    for (const [key, view] of ledger.views) {
      const projectId = key.slice(0, key.indexOf(' '))
      if (view.epoch === epoch) continue
      for (const [seq, id] of view.ids) {
        if (old.entries.get(projectId)?.get(seq) !== id) mixed.push(`${key}: #${seq} is ${id}`)
        const other = log.entries.get(projectId)?.get(seq)
        if (other !== undefined && other !== id) reused++
      }
    }
    stage.zero('events of the new history under the old name', mixed.length, mixed)
    stage.holds('numbers were given twice', reused > 0, String(reused))
    const back = ledger.returns.filter((one) => one.liveAt >= promoted).map((one) => one.liveAt - promoted)
    stage.show('all live again after the promotion', `${Math.max(0, ...back)} ms`)
  },
}
