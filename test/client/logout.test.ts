import { createClient } from '@cutroom/client'
import { describe, expect, it } from 'vitest'
import { useApp } from '../support/app.ts'
import { PASSWORD, register } from '../support/people.ts'
import { createJar } from './network.ts'

describe('logout', () => {
  const app = useApp()

  it('by cookie sends what an earlier one that was still under way could not', async () => {
    const ann = await register(app(), 'Ann')
    const jar = createJar()
    let failures = 1
    const client = createClient({
      url: app().url,
      mode: 'cookie',
      retryForMs: 1,
      fetch: (url, init) =>
        String(url).endsWith('/logout') && failures-- > 0 ? Promise.reject(new TypeError('no network')) : jar.fetch(url, init),
    })
    await client.login({ email: ann.email, password: PASSWORD })
    const [first, second] = await Promise.allSettled([client.logout(), client.logout()])
    expect([first.status, second.status]).toEqual(['rejected', 'fulfilled'])
    const { data } = await ann.must<{ data: { current: boolean }[] }>('GET', '/api/me/sessions')
    expect(data).toMatchObject([{ current: true }])
  })
})
