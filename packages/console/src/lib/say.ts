import { createCell } from './cell.ts'

/** Read out by screen readers, politely. */
export const spoken = createCell('')
export function announce(text: string): void {
  // the same words twice are two messages
  spoken.value = spoken.value === text ? `${text}\u00a0` : text
}

export interface Toast {
  id: number
  text: string
  kind: 'plain' | 'bad'
}
/** Short messages in the corner. */
export const toasts = createCell<readonly Toast[]>([])
let made = 0

export const dismiss = (id: number): void => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

/** Shows a message; failures stay until they are dismissed. */
export function toast(text: string, kind: Toast['kind'] = 'plain'): void {
  const id = ++made
  toasts.value = [...toasts.value.slice(-3), { id, text, kind }]
  announce(text)
  if (kind === 'plain') setTimeout(() => dismiss(id), 5_000)
}
