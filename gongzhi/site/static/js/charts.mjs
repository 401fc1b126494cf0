// Charts from a JSON address: {"labels": […], "series": [{"name", "type": "line" | "bar", "state", "data": […], "hrefs": […]}]};
// a click on a point opens the list it counts.
// Drawn as SVG, with tooltips as text: HTML tooltips would write style attributes, which the security policy forbids.
import * as echarts from 'echarts';

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export default async function chart(box) {
  const answer = await fetch(box.dataset.src, { headers: { Accept: 'application/json' } });
  if (!answer.ok) return;
  const data = await answer.json(), ink = colour('--gz-ink-2'), size = parseFloat(getComputedStyle(box).fontSize) * .875;
  const text = { color: ink, fontSize: size }, lying = box.dataset.chart === 'bars';
  const names = { type: 'category', data: data.labels, inverse: lying, axisTick: { show: false }, axisLine: { lineStyle: { color: colour('--gz-edge') } }, axisLabel: text };
  const amounts = { type: 'value', splitNumber: 3, splitLine: { lineStyle: { color: colour('--gz-line') } }, axisLabel: text };
  const drawn = echarts.init(box, null, { renderer: 'svg' });
  drawn.setOption({
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, ...text },
    grid: { left: 4, right: 16, top: 30, bottom: 2, containLabel: true },
    tooltip: { trigger: 'axis', renderMode: 'richText' },
    legend: { top: 0, left: 0, itemWidth: 16, itemHeight: 8, textStyle: text },
    xAxis: lying ? amounts : names,
    yAxis: lying ? names : amounts,
    series: data.series.map((one, i) => ({
      name: one.name, type: one.type ?? 'line', data: one.data, color: colour(`--gz-${one.state ?? 'intime'}`),
      symbol: ['circle', 'rect', 'triangle'][i % 3], symbolSize: 5, lineStyle: { width: 2, type: i % 2 ? 'dashed' : 'solid' }, barMaxWidth: 18,
    })),
  });
  drawn.on('click', ({ seriesIndex, dataIndex }) => {
    const href = data.series[seriesIndex].hrefs?.[dataIndex];
    if (href) location.assign(href);
  });
  box.firstElementChild?.setAttribute('aria-hidden', 'true');
  new ResizeObserver(() => drawn.resize()).observe(box);
}
