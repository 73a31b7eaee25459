/** Waits for a condition, looking every few ms. Fails with what it waited for, after `timeoutMs`: long, for a busy machine. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`)
    await new Promise((next) => setTimeout(next, 5))
  }
}
