import { useEffect } from 'preact/hooks'
import { createCell, useCell } from './cell.ts'

const MINUTE_MS = 60_000
const minutes = createCell(0)
let readers = 0
let timer: ReturnType<typeof setInterval> | undefined

/** Draws again each minute what says how long ago something was. @returns another value then */
export function useMinute(): number {
  useEffect(() => {
    if (readers++ === 0) timer = setInterval(() => minutes.value++, MINUTE_MS)
    return () => {
      if (--readers === 0) clearInterval(timer)
    }
  }, [])
  return useCell(minutes)
}
