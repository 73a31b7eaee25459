import type { ComponentChild, ComponentType } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Waiting } from '../parts/waiting.tsx'

/** A view that is loaded when it is first shown. @param fallback shown until then */
export function lazy<P extends object>(
  load: () => Promise<ComponentType<P>>,
  fallback: ComponentChild = <Waiting />,
): ComponentType<P> {
  let loaded: ComponentType<P> | undefined
  return function Lazy(props: P) {
    const [, redraw] = useState(0)
    useEffect(() => {
      if (loaded) return
      load().then(
        (component) => {
          loaded = component
          redraw((n) => n + 1)
        },
        // a newer version was installed under this page, and the old files are gone
        () => location.reload(),
      )
    }, [])
    const View = loaded
    return View ? <View {...props} /> : fallback
  }
}
