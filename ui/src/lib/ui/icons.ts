/** The icons that manifests may name, by lucide's names. An unknown name gives a puzzle piece. */
import type { IconLike } from './Icon.svelte';
import ArrowLeft from '@lucide/svelte/icons/arrow-left';
import BookOpen from '@lucide/svelte/icons/book-open';
import Eraser from '@lucide/svelte/icons/eraser';
import Layers from '@lucide/svelte/icons/layers';
import Pencil from '@lucide/svelte/icons/pencil';
import Activity from '@lucide/svelte/icons/activity';
import Bot from '@lucide/svelte/icons/bot';
import Box from '@lucide/svelte/icons/box';
import Boxes from '@lucide/svelte/icons/boxes';
import ChartLine from '@lucide/svelte/icons/chart-line';
import CirclePause from '@lucide/svelte/icons/circle-pause';
import CirclePlay from '@lucide/svelte/icons/circle-play';
import CircleCheck from '@lucide/svelte/icons/circle-check';
import CloudDownload from '@lucide/svelte/icons/cloud-download';
import Copy from '@lucide/svelte/icons/copy';
import Container from '@lucide/svelte/icons/container';
import Cpu from '@lucide/svelte/icons/cpu';
import Database from '@lucide/svelte/icons/database';
import FileCog from '@lucide/svelte/icons/file-cog';
import FlaskConical from '@lucide/svelte/icons/flask-conical';
import Gauge from '@lucide/svelte/icons/gauge';
import GitPullRequest from '@lucide/svelte/icons/git-pull-request';
import Hammer from '@lucide/svelte/icons/hammer';
import HardDrive from '@lucide/svelte/icons/hard-drive';
import HeartPulse from '@lucide/svelte/icons/heart-pulse';
import KeyRound from '@lucide/svelte/icons/key-round';
import ListChecks from '@lucide/svelte/icons/list-checks';
import Network from '@lucide/svelte/icons/network';
import OctagonX from '@lucide/svelte/icons/octagon-x';
import Package from '@lucide/svelte/icons/package';
import Play from '@lucide/svelte/icons/play';
import Plus from '@lucide/svelte/icons/plus';
import Power from '@lucide/svelte/icons/power';
import Puzzle from '@lucide/svelte/icons/puzzle';
import Radar from '@lucide/svelte/icons/radar';
import RefreshCw from '@lucide/svelte/icons/refresh-cw';
import ScrollText from '@lucide/svelte/icons/scroll-text';
import Server from '@lucide/svelte/icons/server';
import Settings from '@lucide/svelte/icons/settings';
import Square from '@lucide/svelte/icons/square';
import Stethoscope from '@lucide/svelte/icons/stethoscope';
import Terminal from '@lucide/svelte/icons/terminal';
import Timer from '@lucide/svelte/icons/timer';
import Trash2 from '@lucide/svelte/icons/trash-2';
import Wrench from '@lucide/svelte/icons/wrench';
import Zap from '@lucide/svelte/icons/zap';

const NAMED: Record<string, IconLike> = {
  'arrow-left': ArrowLeft,
  'book-open': BookOpen,
  eraser: Eraser,
  layers: Layers,
  pencil: Pencil,
  activity: Activity,
  bot: Bot,
  box: Box,
  boxes: Boxes,
  'chart-line': ChartLine,
  'circle-check': CircleCheck,
  'circle-pause': CirclePause,
  'circle-play': CirclePlay,
  'cloud-download': CloudDownload,
  container: Container,
  copy: Copy,
  cpu: Cpu,
  database: Database,
  download: CloudDownload,
  'file-cog': FileCog,
  'flask-conical': FlaskConical,
  gauge: Gauge,
  git: GitPullRequest,
  'git-pull-request': GitPullRequest,
  hammer: Hammer,
  'hard-drive': HardDrive,
  'heart-pulse': HeartPulse,
  'key-round': KeyRound,
  'list-checks': ListChecks,
  network: Network,
  'octagon-x': OctagonX,
  package: Package,
  play: Play,
  plus: Plus,
  power: Power,
  puzzle: Puzzle,
  radar: Radar,
  'refresh-cw': RefreshCw,
  refresh: RefreshCw,
  'scroll-text': ScrollText,
  server: Server,
  settings: Settings,
  square: Square,
  stethoscope: Stethoscope,
  terminal: Terminal,
  timer: Timer,
  trash: Trash2,
  'trash-2': Trash2,
  wrench: Wrench,
  zap: Zap,
};

export const iconNames = Object.keys(NAMED);
export const named = (name: string) => (NAMED[name] ?? Puzzle) as Exclude<IconLike, string>;
