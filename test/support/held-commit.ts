import { onTestFinished } from 'vitest'
import { startApp, type TestApp } from './app.ts'
import { gate } from './log.ts'
import { until } from './until.ts'

/** A node of one test that can hold one write of a request in front of its COMMIT. */
export interface HoldingNode {
  node: TestApp
  /** The next write is held. */
  holdNext(): void
  /** It is there: its rows are written. */
  reached: Promise<void>
  release(): void
  /** Waits until another write waits for a lock, or is done without waiting. */
  metBy(other: Promise<unknown>): Promise<void>
}

export async function startHolding(): Promise<HoldingNode> {
  const [reached, released] = [gate(), gate()]
  let isHeld = false
  const node = await startApp({
    seams: {
      beforeCommit: async () => {
        if (!isHeld) return
        isHeld = false
        reached.open()
        await released.opened
      },
    },
  })
  onTestFinished(() => node.close())
  return {
    node,
    holdNext() {
      isHeld = true
    },
    reached: reached.opened,
    release: released.open,
    async metBy(other) {
      let isDone = false
      const end = () => {
        isDone = true
      }
      other.then(end, end)
      const waits = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
      await until('it to wait, or to be done', async () => isDone || (await node.db.query(waits)).rows.length > 0)
    },
  }
}
