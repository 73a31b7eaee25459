import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { beforeAll, expect, inject, it } from 'vitest'
import { firstAccountCode } from '../../src/features/auth/first-account.ts'
import { resetLinks } from '../../src/features/auth/reset-links.ts'
import { useApp } from '../support/app.ts'
import { describeInBrowser, useBrowser } from '../support/browser.ts'
import { createProject, PASSWORD, type Person, register } from '../support/people.ts'
import { until } from '../support/until.ts'
import { lookAt, looks } from './modes.ts'
import { breaches, button, heading, signInOn } from './people.ts'

async function registerByInvitation(page: Page, url: string, name: string, email: string): Promise<void> {
  await page.goto(url)
  await page.getByLabel('Your name').fill(name)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await button(page, 'Create an account and accept').click()
}

describeInBrowser('invitations and passwords', () => {
  const app = useApp({ seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()
  let ann: Person
  let project: { id: string }
  const membersPage = () => `/projects/${project.id}/members`
  const invite = (body: object) =>
    ann.must<{ id: string; token: string }>('POST', `/api/projects/${project.id}/invitations`, body)
  const pageOf = ({ token }: { token: string }) => `${app().url}/invitations/${token}`

  beforeAll(async () => {
    ann = await register(app(), 'Ann Archer')
    project = await createProject(ann, 'First album')
  })

  it('an owner invites by a link, a newcomer accepts in a second window, and both see the member', async () => {
    const owner = await open({ origin: app().url })
    const newcomer = await open({ origin: app().url })
    await signInOn(owner.page, app().url, ann.email, membersPage())
    await button(owner.page, 'Invite').click()
    await owner.page.getByLabel('How?').selectOption('By a link that you pass on')
    await button(owner.page, 'Create the link').click()
    const url = await owner.page.getByLabel('Link', { exact: true }).inputValue()
    expect(url).toMatch(new RegExp(`^${app().url}/invitations/[\\w-]{43}$`))
    await button(owner.page.getByRole('dialog'), 'Close').last().click()
    await owner.page.getByText('Editor, invited by Ann Archer').waitFor()

    await newcomer.page.goto(url)
    await heading(newcomer.page, 'Join First album').waitFor()
    await newcomer.page.getByText('Ann Archer invites you as editor.').waitFor()
    await registerByInvitation(newcomer.page, url, 'Ben Okonkwo', `ben-${project.id}@example.com`)
    await heading(newcomer.page, 'Board').waitFor()
    for (const { page } of [owner, newcomer]) {
      await page.getByRole('link', { name: 'Members', exact: true }).click()
      await page.locator('.member', { hasText: 'Ben Okonkwo' }).waitFor()
    }
    await owner.page.getByText('No one is invited at the moment.').waitFor()
    await newcomer.page.goto(url)
    await heading(newcomer.page, 'This invitation is not open any more').waitFor()
    expect(owner.errors).toEqual([])
    expect(newcomer.errors.filter((error) => !error.includes('410'))).toEqual([])
  })

  it('one by e-mail is for its account alone, is shown again, and ends when it is revoked', async () => {
    const cy = await register(app(), 'Cy')
    const owner = await open({ origin: app().url })
    await signInOn(owner.page, app().url, ann.email, membersPage())
    await button(owner.page, 'Invite').click()
    await owner.page.getByLabel('E-mail', { exact: true }).fill(cy.email)
    await owner.page.getByRole('dialog').getByLabel('Role').selectOption({ label: 'Commenter: reads and comments' })
    await button(owner.page, 'Send the invitation').click()
    // this server sends no mail: the link is to be passed on
    const url = await owner.page.getByLabel('Link', { exact: true }).inputValue()
    await button(owner.page.getByRole('dialog'), 'Close').last().click()
    await owner.page.getByText(cy.email).waitFor()

    const other = await register(app(), 'Dee')
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, other.email)
    await page.goto(url)
    await page.getByText(`You are signed in as Dee`).waitFor()
    await button(page, 'Accept the invitation').click()
    await page.getByText('another e-mail', { exact: false }).waitFor()
    await button(page, 'Use another account').click()
    await button(page, 'I have an account').click()
    await page.getByLabel('E-mail').fill(cy.email)
    await page.getByLabel('Password').fill(PASSWORD)
    await button(page, 'Sign in').click()
    await button(page, 'Accept the invitation').click()
    await heading(page, 'Board').waitFor()
    await page.goto(url)
    await heading(page, 'This invitation is not open any more').waitFor()

    const second = await invite({ email: `eve-${project.id}@example.com`, role: 'viewer' })
    const row = owner.page.getByRole('listitem').filter({ hasText: 'eve-' })
    await row.getByRole('button', { name: /^Send again/ }).click()
    await owner.page.getByLabel('Link', { exact: true }).waitFor()
    await row.getByRole('button', { name: /^Revoke/ }).click()
    await owner.page.getByText('No one is invited at the moment.').waitFor()
    await page.goto(pageOf(second))
    await heading(page, 'There is no invitation at this link').waitFor()
    await page.goto(pageOf({ token: 'mistyped' }))
    await heading(page, 'There is no invitation at this link').waitFor()
    expect(owner.errors).toEqual([])
    // the browser's own words for answers that are no success
    expect(errors.filter((error) => !/40[0134]|410|422/.test(error))).toEqual([])
  })

  it('who is signed in accepts with one click; a member is told that they are one', async () => {
    const eve = await register(app(), 'Eve')
    const { page, errors } = await open({ origin: app().url })
    await signInOn(page, app().url, eve.email)
    await page.goto(pageOf(await invite({ role: 'viewer' })))
    await button(page, 'Accept the invitation').click()
    await heading(page, 'Board').waitFor()
    await page.goto(pageOf(await invite({ role: 'editor' })))
    await page.getByText('You are a member of this project already.').waitFor()
    await page.getByRole('link', { name: 'Open the project' }).click()
    await heading(page, 'Board').waitFor()
    expect(errors).toEqual([])
  })

  it('a forgotten password is chosen anew by a link, once, and the old sessions end', async () => {
    const fay = await register(app(), 'Fay')
    const signedIn = await open({ origin: app().url })
    await signInOn(signedIn.page, app().url, fay.email)
    const { page, errors } = await open({ origin: app().url })
    await page.goto(`${app().url}/`)
    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.getByLabel('E-mail').fill(fay.email)
    await button(page, 'Send the link').click()
    await heading(page, 'Look into your mail').waitFor()
    // the link is in a mail: this is what it would be
    const idOf = async (): Promise<string | undefined> => {
      const { rows } = await app().db.query<{ id: string }>('SELECT id FROM "PasswordReset" WHERE email = $1', [fay.email])
      return rows[0]?.id
    }
    await until('a link was made', async () => (await idOf()) !== undefined)
    const url = `${app().url}/reset/${resetLinks(app().config).tokenOf((await idOf()) ?? '')}`
    await page.goto(url)
    await page.getByLabel('New password', { exact: true }).fill('short')
    await button(page, 'Change the password').click()
    await page.getByText('must have 8 to 200 characters').waitFor()
    await page.getByLabel('New password', { exact: true }).fill('another battery staple')
    await button(page, 'Change the password').click()
    await heading(page, 'Your password is changed').waitFor()
    await button(signedIn.page, 'Sign in').waitFor()
    await page.getByRole('link', { name: 'To the sign-in' }).click()
    await page.getByLabel('E-mail').fill(fay.email)
    await page.getByLabel('Password').fill('another battery staple')
    await button(page, 'Sign in').click()
    await heading(page, 'Create your first project').waitFor()
    await page.goto(url)
    await page.getByLabel('New password', { exact: true }).fill('a third battery staple')
    await button(page, 'Change the password').click()
    await heading(page, 'This link does not work any more').waitFor()
    await page.getByRole('link', { name: 'Send a new link' }).click()
    await heading(page, 'Forgot your password?').waitFor()
    expect(errors.filter((error) => !/404|422/.test(error))).toEqual([])
  })

  it.each(looks)('has no breach of WCAG and fits its window: $name', async ({ name: look, modes }) => {
    const { page } = await open({ ...modes[0], origin: app().url })
    const found: string[] = []
    const check = async (name: string) => void found.push(...(await lookAt(page, name, modes)))
    const invitation = await invite({ email: `gil-${look}@example.com`, role: 'commenter' })
    await page.goto(pageOf(invitation))
    await heading(page, 'Join First album').waitFor()
    await check('invitation')
    await button(page, 'I have an account').click()
    await check('invitation-sign-in')
    await page.goto(pageOf({ token: 'mistyped' }))
    await heading(page, 'There is no invitation at this link').waitFor()
    await check('invitation-none')
    await page.goto(`${app().url}/reset`)
    await page.getByLabel('E-mail').fill('no-one@example.com')
    await check('reset')
    await button(page, 'Send the link').click()
    await heading(page, 'Look into your mail').waitFor()
    await check('reset-sent')
    await page.goto(`${app().url}/reset/${invitation.token}`)
    await page.getByLabel('New password', { exact: true }).waitFor()
    await check('reset-choose')
    await page.goto(`${app().url}/unsubscribe/${invitation.token}`)
    await heading(page, 'There is nothing at this link').waitFor()
    await check('unsubscribe-none')
    await signInOn(page, app().url, ann.email, membersPage())
    await page.getByText('invited by Ann Archer').first().waitFor()
    await check('members-invitations')
    await button(page, 'Invite').click()
    await check('invite')
    await page.getByLabel('E-mail', { exact: true }).fill(`hal-${look}@example.com`)
    await button(page, 'Send the invitation').click()
    await page.getByLabel('Link', { exact: true }).waitFor()
    await check('invite-made')
    await button(page.getByRole('dialog'), 'Close').last().click()
    await page.goto(pageOf(invitation))
    await page.getByText('You are a member of this project already.').waitFor()
    await check('invitation-member')
    expect(found).toEqual([])
  })
})

describeInBrowser('a server where accounts are made by invitation', () => {
  const app = useApp({ env: { REGISTRATION: 'invite' }, seams: { consoleFolder: join(inject('build'), 'console') } })
  const open = useBrowser()

  it('the first account needs the code of the server, and all others an invitation', async () => {
    const { page, errors } = await open({ origin: app().url })
    await page.goto(`${app().url}/`)
    await button(page, 'No account yet? Create one').click()
    await page.getByLabel('Your name').fill('Ann')
    await page.getByLabel('E-mail').fill('ann@example.com')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByLabel('Code for the first account').fill('guessed')
    await button(page, 'Create an account').click()
    await page.getByText('The code for the first account is wrong').waitFor()
    expect(await breaches(page)).toEqual([])
    await page.getByLabel('Code for the first account').fill(firstAccountCode(app().config))
    await button(page, 'Create an account').click()
    await page.getByLabel('Name of the project').fill('First album')
    await button(page, 'Create project').click()
    await page.getByRole('link', { name: 'Members', exact: true }).click()
    await button(page, 'Invite').click()
    await page.getByLabel('How?').selectOption('By a link that you pass on')
    await button(page, 'Create the link').click()
    const url = await page.getByLabel('Link', { exact: true }).inputValue()

    const visitor = await open({ origin: app().url })
    await visitor.page.goto(`${app().url}/`)
    await button(visitor.page, 'No account yet? Create one').click()
    await visitor.page.getByText('Accounts are made by invitation here.').waitFor()
    expect(await breaches(visitor.page)).toEqual([])
    await registerByInvitation(visitor.page, url, 'Ben', 'ben@example.com')
    await heading(visitor.page, 'Board').waitFor()
    expect(errors.filter((error) => !error.includes('403'))).toEqual([])
    expect(visitor.errors).toEqual([])
  })
})
