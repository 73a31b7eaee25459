import type { Selected } from '@cutroom/client'
import { useLayoutEffect, useMemo, useState } from 'preact/hooks'

/** The value of a selection, drawn again when it changes. @param deps what `make` depends on */
export function useSelected<T>(make: () => Selected<T>, deps: readonly unknown[]): T {
  const selected = useMemo(make, deps)
  const { value } = selected
  const [, redraw] = useState(0)
  useLayoutEffect(() => {
    const changed = () => redraw((n) => n + 1)
    // between drawing and now
    if (selected.value !== value) changed()
    return selected.subscribe(changed)
  }, [selected])
  return value
}
