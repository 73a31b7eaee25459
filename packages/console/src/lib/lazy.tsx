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
      const loadView = () =>
        load().then(
          (component) => {
            loaded = component
            redraw((n) => n + 1)
          },
          () => {
            // offline the page stays as it is
            if (!navigator.onLine) addEventListener('online', loadView, { once: true })
            // a newer version was installed under this page, and the old files are gone
            else location.reload()
          },
        )
      void loadView()
      return () => removeEventListener('online', loadView)
    }, [])
    const View = loaded
    return View ? <View {...props} /> : fallback
  }
}
