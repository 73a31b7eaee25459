import { useEffect, useState } from 'preact/hooks'

const now = (): boolean => document.visibilityState === 'visible'

/** Is the page looked at? */
export function useVisible(): boolean {
  const [isVisible, setVisible] = useState(now)
  useEffect(() => {
    const look = () => setVisible(now())
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
  return isVisible
}
