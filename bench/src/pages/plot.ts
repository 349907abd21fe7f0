/** A line of a plot: medians, with the range of the rounds around them. */
export interface Series {
  readonly label: string;
  readonly color: string;
  readonly points: readonly { readonly x: number; readonly y: number; readonly low: number; readonly high: number }[];
}

export interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
}

const WIDTH = 440;
const HEIGHT = 320;
const MARGIN = { left: 62, right: 14, top: 34, bottom: 42 };
const LEGEND = 24;

/** Panels side by side, with logarithmic axes, as an SVG for light and dark pages. */
export function plot(panels: readonly Panel[], xLabel: string): string {
  const width = WIDTH * panels.length;
  const height = HEIGHT + LEGEND;
  const body = panels.map(
    (panel, index) => `<g transform="translate(${index * WIDTH} 0)">${drawPanel(panel, xLabel)}</g>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#ffffff"/>
${body.join('\n')}
${drawLegend(panels[0]?.series ?? [])}
</svg>
`;
}

function drawPanel({ title, series }: Panel, xLabel: string): string {
  const points = series.flatMap((each) => each.points);
  const x = logScale(
    points.map((point) => point.x),
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const y = logScale(
    points.flatMap(({ low, high }) => [low, high]),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const lines = [
    `<text x="${MARGIN.left}" y="20" font-weight="bold">${escape(title)}</text>`,
    `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${escape(xLabel)}</text>`,
  ];
  for (const tick of y.ticks) {
    lines.push(
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${round(y.at(tick))}" y2="${round(y.at(tick))}" stroke="#dddddd"/>`,
      `<text x="${MARGIN.left - 6}" y="${round(y.at(tick) + 4)}" text-anchor="end">${short(tick)}</text>`,
    );
  }
  for (const tick of new Set(points.map((point) => point.x))) {
    lines.push(
      `<text x="${round(x.at(tick))}" y="${HEIGHT - MARGIN.bottom + 17}" text-anchor="middle">${short(tick)}</text>`,
    );
  }
  for (const { color, points: own } of series) {
    const path = own.map((point) => `${round(x.at(point.x))},${round(y.at(point.y))}`).join(' ');
    lines.push(`<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`);
    for (const point of own) {
      const cx = round(x.at(point.x));
      lines.push(
        `<line x1="${cx}" x2="${cx}" y1="${round(y.at(point.low))}" y2="${round(y.at(point.high))}" stroke="${color}"/>`,
        `<circle cx="${cx}" cy="${round(y.at(point.y))}" r="3" fill="${color}"/>`,
      );
    }
  }
  return lines.join('\n');
}

function drawLegend(series: readonly Series[]): string {
  let at = MARGIN.left;
  return series
    .map(({ label, color }) => {
      const entry = `<rect x="${at}" y="${HEIGHT + 6}" width="12" height="12" fill="${color}"/><text x="${at + 17}" y="${HEIGHT + 16}">${escape(label)}</text>`;
      at += 34 + 6.6 * label.length;
      return entry;
    })
    .join('\n');
}

interface Scale {
  readonly ticks: readonly number[];
  at(value: number): number;
}

/** The powers of ten around the values. */
function logScale(values: readonly number[], from: number, to: number): Scale {
  const positive = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...positive)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...positive))));
  return {
    ticks: Array.from({ length: high - low + 1 }, (_, step) => 10 ** (low + step)),
    at: (value) => from + ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (to - from),
  };
}

function short(value: number): string {
  return value >= 1e6 ? `${value / 1e6}M` : value >= 1000 ? `${value / 1000}k` : String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
