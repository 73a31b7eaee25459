import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { breaches } from './people.ts'

/** Where pictures of what is looked at go; nowhere unless it is set. */
const PICTURES = process.env.CUTROOM_TEST_PICTURES

/** How a page may be shown. */
interface Mode {
  name: string
  width: number
  height: number
  dark?: boolean
  direction?: 'rtl'
}

/** The first is that of the walk through the page. */
type Modes = readonly [Mode, ...Mode[]]

/** Walks through the page, with the modes that it is looked at in. */
export const looks: { name: string; modes: Modes }[] = [
  {
    name: 'wide',
    modes: [
      { name: 'light', width: 1280, height: 800 },
      { name: 'dark', width: 1280, height: 800, dark: true },
      { name: 'right to left', width: 1280, height: 800, direction: 'rtl' },
    ],
  },
  {
    name: 'narrow',
    modes: [
      { name: '390 px', width: 390, height: 844 },
      { name: '390 px, dark', width: 390, height: 844, dark: true },
      { name: 'right to left, 390 px', width: 390, height: 844, direction: 'rtl' },
      // a window of 1280 × 800 px
      { name: '200 % zoom', width: 640, height: 400 },
    ],
  },
]

async function show(page: Page, { width, height, dark = false, direction }: Mode): Promise<void> {
  await page.setViewportSize({ width, height })
  await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light', reducedMotion: 'reduce' })
  await page.evaluate(`document.documentElement.dir = '${direction ?? 'ltr'}'`)
  // until it is drawn so
  await page.evaluate('new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))')
}

/** Keeps a picture of a page, where pictures are asked for. */
export async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === undefined) return
  await mkdir(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}.png`) })
}

/**
 * Looks at a page as it stands, in each mode: whether it fits its window, and keeps WCAG.
 * @param name of the picture
 * @returns what is wrong
 */
export async function lookAt(page: Page, name: string, modes: Modes): Promise<string[]> {
  const found: string[] = []
  for (const mode of modes) {
    await show(page, mode)
    await picture(page, `${name}-${mode.name.replaceAll(/\W+/g, '-')}`)
    const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    const wrong = [...(await breaches(page)), ...(wide > 0 ? [`${wide} px too wide`] : [])]
    found.push(...wrong.map((one) => `${name}, ${mode.name}: ${one}`))
  }
  await show(page, modes[0])
  return found
}
