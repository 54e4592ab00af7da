// What a page can try against a server of another origin. Each attempt gives a line for what it
// gained, or nothing.
(() => {
  // More than a busy machine needs: what takes longer counts as nothing gained.
  const PATIENCE = 20_000;
  const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
  const BODY = '{"title":"intruder"}';
  const TYPES = {
    'application/json': BODY,
    'text/plain': BODY,
    'application/x-www-form-urlencoded': 'title=intruder',
    'multipart/form-data; boundary=x': '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nintruder\r\n--x--',
    '': '',
  };

  const within = (promise) =>
    Promise.race([promise, new Promise((resolve) => setTimeout(resolve, PATIENCE))]).catch(() => undefined);

  /** A fetch gains something when there is anything to read. */
  async function read(url, init) {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE) });
    if (response.type !== 'opaque') return `${init.mode} ${init.method} ${url}: ${response.status}`;
  }

  function* fetches(url) {
    for (const method of METHODS) {
      for (const [type, body] of Object.entries(TYPES)) {
        const hasBody = method !== 'GET' && body;
        const headers = type ? { 'Content-Type': type } : {};
        for (const mode of ['cors', 'no-cors']) {
          yield read(url, { method, mode, headers, body: hasBody ? body : undefined, credentials: 'include' });
        }
      }
    }
  }

  const opened = (what, type, url) =>
    new Promise((resolve) => {
      what.onopen = what.onmessage = () => resolve(`${type} ${url}`);
      what.onerror = () => resolve();
    }).finally(() => what.close());

  function loaded(tag, attributes, url) {
    const element = Object.assign(document.createElement(tag), attributes);
    return new Promise((resolve) => {
      element.onload = () => resolve(`${tag} ${url}`);
      element.onerror = () => resolve();
      document.body.append(element);
    });
  }

  /** Sends a form into a frame. What comes back is not for the page to read; the server tells. */
  async function submit(url, method, enctype) {
    const frame = Object.assign(document.createElement('iframe'), { name: `f${crypto.getRandomValues(new Uint32Array(1))}` });
    const form = Object.assign(document.createElement('form'), { action: url, method, enctype, target: frame.name });
    const field = Object.assign(document.createElement('input'), { name: '{"title":"intruder","x":"', value: '"}' });
    form.append(field);
    document.body.append(frame, form);
    const sent = new Promise((resolve) => { frame.onload = () => resolve(); });
    form.submit();
    await sent;
  }

  function* others(url) {
    yield opened(new WebSocket(url.replace(/^http/, 'ws')), 'WebSocket', url);
    yield opened(new EventSource(url), 'EventSource', url);
    yield loaded('img', { src: url }, url);
    yield loaded('script', { src: url }, url);
    yield loaded('link', { rel: 'stylesheet', href: url }, url);
    yield submit(url, 'get', 'application/x-www-form-urlencoded');
    for (const enctype of ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain']) {
      yield submit(url, 'post', enctype);
    }
    navigator.sendBeacon(url, BODY);
  }

  /** Tries everything on `url`, and says how much that was and what was gained. */
  globalThis.intrude = async (url) => {
    const attempts = [...fetches(url), ...others(url)].map(within);
    const gained = (await Promise.all(attempts)).filter(Boolean);
    document.body.replaceChildren();
    return { attempts: attempts.length, gained };
  };
})();
