import { createCell } from './cell.ts'

export type Theme = 'system' | 'light' | 'dark'
const KEY = 'cutroom theme'

const kept = (): Theme => {
  const found = localStorage.getItem(KEY)
  return found === 'light' || found === 'dark' ? found : 'system'
}
export const theme = createCell<Theme>(kept())

/** Shows the theme and keeps it in this browser. */
export function setTheme(next: Theme): void {
  theme.value = next
  if (next === 'system') {
    delete document.documentElement.dataset.theme
    localStorage.removeItem(KEY)
  } else {
    document.documentElement.dataset.theme = next
    localStorage.setItem(KEY, next)
  }
}
