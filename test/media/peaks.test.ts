import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePeaks, encodePeaks, MAX_POINTS, MIN_POINTS, type Peaks, resample, waveformSvg } from '../../src/media/index.ts'
import { PeakCollector } from '../../src/media/peaks.ts'

function collect(samples: Float32Array, expected: number | null, chunk = 997): Peaks {
  const collector = new PeakCollector(expected)
  for (let at = 0; at < samples.length; at += chunk) collector.add([samples.subarray(at, at + chunk)])
  expect(collector.frames).toBe(samples.length)
  return collector.finish()
}
/** Rising from nothing to full, with both signs. */
const ramp = (frames: number) => Float32Array.from({ length: frames }, (_, n) => ((n % 2 ? 1 : -1) * n) / frames)

describe('peaks', () => {
  it.each([null, 100_000, 10, 10_000_000])(
    'M3 peaks of 100,000 samples are where they belong, when %s were expected',
    (expected) => {
      const peaks = collect(ramp(100_000), expected)
      expect(peaks.points).toBeLessThanOrEqual(MAX_POINTS)
      const drawn = resample(peaks, 100)
      for (let i = 0; i < 100; i++) {
        expect(Math.abs((drawn.max[i] as number) - ((i + 1) / 100) * 127)).toBeLessThan(4)
        expect(Math.abs((drawn.min[i] as number) + ((i + 1) / 100) * 128)).toBeLessThan(4)
      }
    },
  )

  it('M3 samples that are no numbers, infinite or far too loud stay within a byte', () => {
    const samples = new Float32Array(16_000).fill(Number.NaN)
    samples.set([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3e38, -3e38, 0.5, -0.5])
    const { points, min, max } = collect(samples, samples.length)
    expect(points).toBe(MAX_POINTS)
    expect([...max.subarray(0, 3), ...min.subarray(0, 3)]).toEqual([127, 127, 64, -128, -128, -64])
    expect([...max.subarray(3), ...min.subarray(3)].every((value) => value === 0)).toBe(true)
  })

  it('M3 what is stored is read back equal, in two bytes a point; other bytes are refused', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ min: -1, max: 1, noNaN: true }), { maxLength: 300 }), (samples) => {
        const peaks = collect(Float32Array.from(samples), null)
        const bytes = encodePeaks(peaks)
        expect(bytes).toHaveLength(3 + 2 * peaks.points)
        expect(decodePeaks(bytes)).toEqual(peaks)
      }),
    )
    const bytes = encodePeaks(collect(ramp(1000), 1000))
    expect(() => decodePeaks(bytes.subarray(1))).toThrow('version')
    expect(() => decodePeaks(bytes.subarray(0, -1))).toThrow('length')
    expect(() => decodePeaks(new Uint8Array())).toThrow('version')
  })

  it('M3 as many points as are asked for, within bounds; fewer lose no extreme, more add none', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: -10, max: 100_000 }), (frames, wanted) => {
        const peaks = collect(ramp(frames), frames)
        const drawn = resample(peaks, wanted)
        expect(drawn.points).toBe(Math.max(MIN_POINTS, Math.min(MAX_POINTS, wanted)))
        expect([Math.max(...drawn.max), Math.min(...drawn.min)]).toEqual([Math.max(...peaks.max), Math.min(...peaks.min)])
      }),
      { numRuns: 50 },
    )
    expect([...resample({ points: 0, min: new Int8Array(), max: new Int8Array() }, 100).max]).toEqual(Array(100).fill(0))
  })

  it('M3 a waveform is one path of numbers, in the colour of its surroundings', () => {
    const svg = waveformSvg(collect(ramp(5000), 5000), { points: 200, width: 1e9, height: -5 })
    expect(svg).toMatch(
      /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" width="8000" height="1" viewBox="0 0 200 256" preserveAspectRatio="none"><path fill="currentColor" d=.M0 128(V\d+H\d+){400}Z"\/><\/svg>$/,
    )
    const edges = [...svg.matchAll(/V(\d+)H(\d+)/g)].map(([, y, x]) => [Number(y), Number(x)])
    expect(edges[199]).toEqual([0, 200])
    expect(edges[200]).toEqual([256, 199])
    expect(waveformSvg(collect(new Float32Array(10), 10)).length).toBeLessThan(20_000)
  })
})
