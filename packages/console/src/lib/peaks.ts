import { useEffect, useState } from 'preact/hooks'
import type { Waveform } from '../parts/wave.tsx'
import { untilLoaded } from './until-loaded.ts'

/** Loads the waveform that `key` names; null: there is none to load. @returns it, or that it could not be loaded */
export function useWaveform(
  key: string | null,
  load: () => Promise<Waveform>,
): { waveform: Waveform | null; hasFailed: boolean } {
  const [found, setFound] = useState<{ key: string; waveform: Waveform | null } | null>(null)
  useEffect(() => {
    if (key === null) return
    const set = (waveform: Waveform | null) => setFound({ key, waveform })
    return untilLoaded(load, set, () => set(null))
  }, [key])
  const isCurrent = found !== null && found.key === key
  return { waveform: isCurrent ? found.waveform : null, hasFailed: isCurrent && found.waveform === null }
}
