/** Cookies as a browser keeps them: by name and path, sent where the path fits. Enough for one host. */
export class CookieJar {
  private readonly cookies = new Map<string, { name: string; value: string; path: string }>();

  take(answer: Response, from: URL): void {
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const at = pair!.indexOf('=');
      const attribute = (name: string): string | undefined => attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1);
      const cookie = { name: pair!.slice(0, at), value: pair!.slice(at + 1), path: attribute('path') ?? from.pathname };
      const expires = attribute('expires');
      if (cookie.value === '' || (expires && Date.parse(expires) <= Date.now())) this.cookies.delete(`${cookie.name};${cookie.path}`);
      else this.cookies.set(`${cookie.name};${cookie.path}`, cookie);
    }
  }

  header(to: URL): string {
    return [...this.cookies.values()].filter(({ path }) => to.pathname === path || to.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)).map(({ name, value }) => `${name}=${value}`).join('; ');
  }
}
