import { createCell } from './cell.ts'

/** Read out by screen readers, politely. */
export const spoken = createCell('')
export function announce(text: string): void {
  // the same words twice are two messages
  spoken.value = spoken.value === text ? `${text}\u00a0` : text
}

/** Dialogs that are open, the newest last. All behind it is inert: messages are shown and read out in it alone. */
export const dialogs = createCell<readonly string[]>([])

export interface Toast {
  id: number
  text: string
  kind: 'plain' | 'bad'
  /** What can be done about it, while it is shown. */
  action?: ToastAction | undefined
}
export interface ToastAction {
  text: string
  run: () => void
}
/** Short messages in the corner. */
export const toasts = createCell<readonly Toast[]>([])
let made = 0

export const dismiss = (id: number): void => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

/** Shows a message; failures stay until they are dismissed, what can be acted on stays longer. */
export function toast(text: string, kind: Toast['kind'] = 'plain', action?: ToastAction): void {
  const id = ++made
  toasts.value = [...toasts.value.slice(-3), { id, text, kind, action }]
  announce(text)
  if (kind === 'plain') setTimeout(() => dismiss(id), action ? 12_000 : 5_000)
}

/** Does what the newest message offers. @returns false: none offers anything */
export function actOnToast(): boolean {
  const found = toasts.value.findLast(({ action }) => action)
  if (!found) return false
  dismiss(found.id)
  found.action?.run()
  return true
}
