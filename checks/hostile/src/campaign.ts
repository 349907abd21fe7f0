import { Random } from '@holdfast/testkit';
import { Battle, type Finding } from './episode.js';
import type { Target } from './target.js';

export interface CampaignOptions {
  /** The seed of the first attack. */
  readonly first: number;
  /** How many attacks: each kind comes once before any comes twice. */
  readonly attacks: number;
  /** Ends with the attack that has found this much: what one broke may stay broken. Default 20. */
  readonly mostFindings?: number;
  readonly onAttack?: (name: string, seed: number, found: readonly Finding[]) => void;
}

export interface CampaignResult {
  readonly attacks: Readonly<Record<string, number>>;
  readonly calls: number;
  /** How often the mirror was looked at. */
  readonly looks: number;
  readonly findings: readonly Finding[];
}

/** Attacks a target so often, and gives everything that was wrong. */
export async function runCampaign(
  target: Target,
  { first, attacks, mostFindings = 20, onAttack }: CampaignOptions,
): Promise<CampaignResult> {
  await using battle = await Battle.begin(target);
  const counts: Record<string, number> = {};
  const findings: Finding[] = [];
  let order: string[] = [];
  for (let turn = 0; turn < attacks && findings.length < mostFindings; turn += 1) {
    const seed = first + turn;
    if (order.length === 0) order = shuffled(target.attacks, new Random(seed));
    const name = order.pop() ?? '';
    const found = await battle.attack(name, seed);
    counts[name] = (counts[name] ?? 0) + 1;
    findings.push(...found);
    onAttack?.(name, seed, found);
  }
  return { attacks: counts, calls: battle.calls, looks: battle.looks, findings };
}

function shuffled(names: readonly string[], random: Random): string[] {
  const rest = [...names];
  return names.map(() => rest.splice(random.below(rest.length), 1)[0] ?? '');
}
