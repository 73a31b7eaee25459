import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type axe from 'axe-core'
import type { Locator, Page } from 'playwright-core'
import type { TestApp } from '../support/app.ts'
import { addMember, createProject, PASSWORD, register } from '../support/people.ts'

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const button = (page: Page | Locator, name: string) => page.getByRole('button', { name, exact: true })
export const heading = (page: Page, name: string) => page.getByRole('heading', { name })

/** Two people in one project, which is Ann's. */
export async function annAndBen(app: Pick<TestApp, 'url'>) {
  const [ann, ben] = [await register(app, 'Ann'), await register(app, 'Ben')]
  const project = await createProject(ann, 'First album')
  await addMember(ann, project.id, ben)
  return { ann, ben, project }
}

/** Makes an account on the page. @returns its e-mail */
export async function registerOn(page: Page, url: string, name: string): Promise<string> {
  const email = `${name.toLowerCase()}-${randomUUID()}@example.com`
  await page.goto(`${url}/`)
  await button(page, 'No account yet? Create one').click()
  await page.getByLabel('Your name').fill(name)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await button(page, 'Create an account').click()
  await heading(page, 'Your projects').waitFor()
  return email
}

/** Signs in on the page. */
export async function signInOn(page: Page, url: string, email: string, path = '/'): Promise<void> {
  await page.goto(url + path)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await button(page, 'Sign in').click()
  await page.getByRole('link', { name: 'You', exact: true }).waitFor()
}

/** A key that chooses or accepts words of an input method: as most browsers tell it, and as Safari does. */
export async function composeWith(box: Locator, key: string): Promise<void> {
  for (const how of [{ isComposing: true }, { keyCode: 229 }])
    await box.dispatchEvent('keydown', { key, bubbles: true, cancelable: true, ...how })
}

/** What screen readers were told last. */
export const spoken = (page: Page) => page.locator('.hidden[aria-live=polite]')

/** Breaches of WCAG 2.2 AA and of good practice, by rule, with the elements. */
export async function breaches(page: Page): Promise<string[]> {
  // Half a second for each document: once.
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(axeSource)
  const violations = await page.evaluate<axe.Result[]>(
    `axe.run({ resultTypes: ['violations'] }).then((results) => results.violations)`,
  )
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`))
}
