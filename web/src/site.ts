/** What the server says of itself in its page. */
export interface Site {
  /** Where the terms are that one accepts by signing up; '' for none. */
  termsUrl: string
}

export function readSite(): Site {
  const site: Site = { termsUrl: '' }
  try {
    const told = JSON.parse(document.querySelector<HTMLMetaElement>('meta[name="chatire-site"]')?.content ?? '{}') as { terms_url?: string }
    if (told.terms_url && /^https?:\/\//.test(told.terms_url)) site.termsUrl = told.terms_url
  } catch {
    // an older server says nothing
  }
  return site
}

/** The host that people see in links. */
export const host = location.host
