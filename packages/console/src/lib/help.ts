import { createCell } from './cell.ts'

/** Is the list of keys shown? */
export const isHelpOpen = createCell(false)
