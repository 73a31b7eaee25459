import { projectRoom } from '@cutroom/contract'
import { Prisma, type Query } from '../../db/client.ts'
import type { FinalWrite, Job } from '../../rooms/log/consumers/consumer.ts'
import { scheduleOnce } from '../../rooms/log/consumers/schedule.ts'
import type { Log } from '../../rooms/log/log.ts'
import { openDeliveries, type Receiver } from './deliveries.ts'
import { type LaneEnd, runLane } from './lane.ts'
import type { Send } from './message.ts'
import { WEBHOOKS, wakeLate } from './queue.ts'
import { sweepDeliveries } from './sweep.ts'

/** Webhooks that send at the same time, and those of them at one host. */
const PARALLEL = 40
const PER_HOST = 8
/** A webhook that has more to send gives way to others after this time, ms, behind the attempt under way. */
const TURN_MS = 10_000
/** As many of those whose host is busy look again in this time, ms, as may send to it. */
const BUSY_MS = 1_000
const SWEEP = { firstMs: 60_000, everyMs: 300_000 }
/** Webhooks that one sweep wakes. */
const MAX_LATE = 1_000

/** What sends at the moment. */
export interface RunningLanes {
  /** Breaks off what one webhook sends, or those of a project. */
  breakOff(of: { webhookId: string } | { projectId: string }): void
}

interface Lane {
  webhookId: string
  projectId: string
  host: string
  control: AbortController
}

export interface WebhooksJobOptions {
  query: Query
  log: Pick<Log, 'readMany' | 'read'>
  send: Send
  /** For tests: other waits before the second, third, … attempt. */
  delaysMs?: readonly number[] | undefined
  onLost: (receiver: Receiver, count: number) => void
}

/** The host that an address names, in whatever way, whatever the port. */
const machineOf = (url: string): string => new URL(url).hostname.replace(/\.$/, '')

/** Switches a webhook off whose receiver is gone. The project cannot be deleted before the commit: no event comes after that of its end. */
const endGone =
  ({ id, projectId }: Receiver): FinalWrite =>
  async ({ query, emit }) => {
    const ended = await query(Prisma.sql`
      UPDATE "Webhook" SET state = 'gone', version = version + 1, "updatedAt" = now()
      WHERE id = ${id}::uuid AND state = 'active' AND EXISTS (
        SELECT FROM "Project" WHERE id = ${projectId}::uuid AND "deletedAt" IS NULL FOR SHARE) RETURNING 1`)
    if (ended.length > 0) emit(projectRoom(projectId), 'webhook:updated', { webhookId: id })
  }

const runAt =
  (key: string, at: Date): FinalWrite =>
  async (write) =>
    scheduleOnce(write, WEBHOOKS, { key, at }, false)

/** Sends what webhooks have: the key of a row is the webhook. */
export function webhooksJob({ query, log, send, delaysMs, onLost }: WebhooksJobOptions): { job: Job; lanes: RunningLanes } {
  const running = new Set<Lane>()
  /** The hosts of webhooks that were turned away since it was busy. */
  const waiting = new Map<string, string>()

  /** @returns when to look again: the more of them wait, the later */
  function turnAway(webhookId: string, host: string): Date {
    waiting.set(webhookId, host)
    const others = [...waiting.values()].filter((each) => each === host).length
    return new Date(Date.now() + BUSY_MS * Math.ceil(others / PER_HOST) * (0.5 + Math.random()))
  }

  async function run(webhookId: string, outer: AbortSignal): Promise<FinalWrite | undefined> {
    waiting.delete(webhookId)
    const deliveries = openDeliveries(query, webhookId, delaysMs)
    const receiver = await deliveries.receiver()
    if (!receiver) return undefined
    const host = machineOf(receiver.url)
    if ([...running].filter((lane) => lane.host === host).length >= PER_HOST) return runAt(webhookId, turnAway(webhookId, host))
    const control = new AbortController()
    const lane = { webhookId, projectId: receiver.projectId, host, control }
    running.add(lane)
    let end: LaneEnd
    try {
      const signal = AbortSignal.any([outer, control.signal])
      end = await runLane({ deliveries, log, send, signal, endsAt: performance.now() + TURN_MS, onLost })
    } finally {
      running.delete(lane)
    }
    outer.throwIfAborted()
    if (end === 'closed') return undefined
    if (end === 'gone') return endGone(receiver)
    const next = end === 'late' ? new Date() : (await deliveries.waiting()).next
    return next ? runAt(webhookId, next) : undefined
  }

  return {
    job: {
      name: WEBHOOKS,
      parallel: PARALLEL,
      every: SWEEP,
      async run({ key, signal }) {
        if (key !== '') return run(key, signal)
        await sweepDeliveries(query, signal)
        await query(wakeLate(MAX_LATE))
        return undefined
      },
    },
    lanes: {
      breakOff(of) {
        for (const lane of running)
          if ('webhookId' in of ? lane.webhookId === of.webhookId : lane.projectId === of.projectId) lane.control.abort()
      },
    },
  }
}
