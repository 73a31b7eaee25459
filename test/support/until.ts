/**
 * Waits for a condition, looking every few ms; a look that takes long itself, as a request does, is made less often, so that waiting leaves
 * the machine to what is waited for. Fails with what it waited for, after `timeoutMs`: long, for a busy machine.
 */
export async function until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const end = Date.now() + timeoutMs
  for (;;) {
    const began = performance.now()
    if (await condition()) return
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`)
    const tookMs = performance.now() - began
    await new Promise((next) => setTimeout(next, Math.min(5 + 2 * tookMs, 250)))
  }
}
