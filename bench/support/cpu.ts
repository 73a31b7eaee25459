import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** The kernel counts in hundredths of a second. */
const TICK_MS = 10

interface Stat {
  parent: number
  /** Ticks of user and system time, of the process and of its children that ended. */
  ticks: number
}

function stat(pid: string): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name, in brackets, may hold anything.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number)
    return { parent: Number(fields[1]), ticks: user + system + childUser + childSystem }
  } catch {
    // It ended since it was listed: its parent has its time.
    return null
  }
}

/**
 * CPU time that processes and all they started took so far, user and system, ms in steps of 10. For Postgres name its postmaster.
 * NaN where there is no /proc.
 */
export function cpuOf(pids: readonly number[]): number {
  let listed: string[]
  try {
    listed = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return Number.NaN
  }
  const children = new Map<number, number[]>()
  const ticks = new Map<number, number>()
  for (const name of listed) {
    const found = stat(name)
    if (found === null) continue
    ticks.set(Number(name), found.ticks)
    const siblings = children.get(found.parent)
    if (siblings) siblings.push(Number(name))
    else children.set(found.parent, [Number(name)])
  }
  const sum = (pid: number): number => (children.get(pid) ?? []).reduce((total, child) => total + sum(child), ticks.get(pid) ?? 0)
  return pids.reduce((total, pid) => total + sum(pid), 0) * TICK_MS
}

export interface CpuUse {
  /** Ms of the subject's server. */
  server: number
  /** Ms of Postgres with all its backends; NaN where it runs elsewhere. */
  postgres: number
}

/** CPU time that a subject's server and Postgres take while `work` runs. */
export async function whileCounting<T>(
  pids: { server: readonly number[]; postgres: number | null },
  work: () => Promise<T>,
): Promise<{ result: T; cpu: CpuUse }> {
  const count = () => ({ server: cpuOf(pids.server), postgres: pids.postgres === null ? Number.NaN : cpuOf([pids.postgres]) })
  const before = count()
  const result = await work()
  // What was written last is still being delivered.
  await sleep(50)
  const after = count()
  return { result, cpu: { server: after.server - before.server, postgres: after.postgres - before.postgres } }
}

/** Resident memory of processes without their children, bytes. */
export function memoryOf(pids: readonly number[]): number {
  return pids.reduce((total, pid) => {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return total + Number(kilobytes) * 1024
  }, 0)
}
