// What was written and not yet sent, from this tab's drafts: always in sight, one tap away.
const box = document.querySelector('[data-waiting]');
const english = document.documentElement.lang === 'en';
const list = box.querySelector('ul');
try {
  for (const key of Object.keys(sessionStorage)) {
    const [, code, name] = /^draft:field-([0-9]+|report)(?:-(\w+))?$/.exec(key) ?? [];
    const words = code && Object.entries(JSON.parse(sessionStorage.getItem(key)) ?? {})
      .filter(([field, value]) => typeof value === 'string' && value.trim() && !['who', 'solved', 'category', 'place'].includes(field)).map(([, value]) => value);
    if (!words?.length) continue;
    const line = document.createElement('li'), link = document.createElement('a');
    link.href = code === 'report' ? '/field/report/' : `/field/cases/${code}/`;
    link.textContent = `${code === 'report' ? (english ? 'Report' : '上报') : code}：${words[0].slice(0, 20)}`;
    line.append(link);
    list.append(line);
  }
} catch { /* private window */ }
box.hidden = !list.children.length;
