/** "Firefox on Linux" from a User-Agent string; anything else (a client's own name) as it is. */
export function clientName(agent: string, joined: (browser: string, system: string) => string): string {
  // Order matters: most browsers also call themselves Chrome or Safari.
  const browser = first(agent, [
    [/\bEdg(e|A|iOS)?\//, 'Edge'],
    [/\bOPR\/|\bOpera\b/, 'Opera'],
    [/\bSamsungBrowser\//, 'Samsung Internet'],
    [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
    [/\b(Headless)?Chrome\/|\bCriOS\//, 'Chrome'],
    [/\bSafari\//, 'Safari'],
  ]);
  const system = first(agent, [
    [/\bAndroid\b/, 'Android'],
    [/\biPhone\b/, 'iPhone'],
    [/\biPad\b/, 'iPad'],
    [/\bMac OS X\b|\bMacintosh\b/, 'Mac'],
    [/\bWindows\b/, 'Windows'],
    [/\bCrOS\b/, 'ChromeOS'],
    [/\bLinux\b/, 'Linux'],
  ]);
  if (browser && system) return joined(browser, system);
  return browser ?? agent;
}

function first(text: string, rules: [RegExp, string][]): string | undefined {
  return rules.find(([pattern]) => pattern.test(text))?.[1];
}
