import { resample } from './peaks.ts'
import type { Peaks } from './types.ts'

export interface WaveformOptions {
  /** 100 … 8000; one step of the outline each. */
  points?: number
  /** Of the drawn picture, px. */
  width?: number
  height?: number
}

const clamp = (value: number, max: number) => Math.max(1, Math.min(max, Math.trunc(value)))

/** The waveform as an SVG of one path in the colour of its surroundings. It holds numbers alone: no text, no script, no link. */
export function waveformSvg(peaks: Peaks, options: WaveformOptions = {}): string {
  const { points, min, max } = resample(peaks, options.points ?? 800)
  const [width, height] = [clamp(options.width ?? 800, 8000), clamp(options.height ?? 128, 2000)]
  // The upper edge from left to right, the lower one back; silence is a line of one unit.
  let path = 'M0 128'
  for (let i = 0; i < points; i++) path += `V${127 - (max[i] as number)}H${i + 1}`
  for (let i = points - 1; i >= 0; i--) path += `V${128 - (min[i] as number)}H${i}`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${points} 256" preserveAspectRatio="none"><path fill="currentColor" d="${path}Z"/></svg>`
}
