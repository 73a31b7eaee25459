import type { Meta } from '@cutroom/contract'
import type { Person } from './people.ts'

export interface Logged {
  name: string
  payload: Record<string, unknown>
  meta: Meta
}

/** A project's whole log after a position, page by page. */
export async function readLog(person: Person, projectId: string, after = 0): Promise<Logged[]> {
  const all: Logged[] = []
  for (;;) {
    const from = all.at(-1)?.meta.seq ?? after
    const page = await person.must<{ data: Logged[]; head: number }>(
      'GET',
      `/api/projects/${projectId}/events?after=${from}&limit=500`,
    )
    all.push(...page.data)
    if (page.data.length === 0 || page.data.at(-1)?.meta.seq === page.head) return all
  }
}

/** 1, 2, … n */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

/** A promise and the function that resolves it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open }
}
