// Every word of the page, in English and Chinese. What the cluster says (causes, events) stays as it was said.

const WORDS = {
  en: {
    language: '中文', skip: 'Skip to content', leave: 'Sign out', live: 'live', lost: 'connection lost, trying again', connecting: 'connecting',
    done: 'rolled out', progressing: 'rolling out', paused: 'paused', stuck: 'stuck', failed: 'failed', unavailable: 'not all available', empty: 'no pods',
    search: 'Search by name, image, namespace', allNamespaces: 'All namespaces', allKinds: 'All kinds', all: 'all', none: 'Nothing matches.',
    nothing: 'There are no Deployments, StatefulSets or DaemonSets here.', of: (a, b) => `${a} of ${b} ready`, shown: (a, b) => `${a} of ${b} workloads`,
    more: n => `and ${n} more`, restarts: n => n === 1 ? '1 restart' : `${n} restarts`, revision: n => `revision ${n}`,
    back: 'All workloads', undo: 'Undo', pause: 'Pause', resume: 'Resume', restart: 'Restart', scale: 'Scale', image: 'Set image', rehearse: 'Forecast',
    revisions: 'Revisions', pods: 'Pods', events: 'Events', conditions: 'Conditions', causes: 'Why it does not go on', chart: 'This rollout',
    newest: 'running', healthy: 'healthy', by: who => `by ${who}`, ago: t => `${t} ago`, deadline: t => `${t} until the progress deadline`, compare: 'Compare',
    undoTo: n => `Undo to ${n}`, pod: 'Pod', node: 'Node', state: 'State', ready: 'Ready', age: 'Age', count: 'Restarts', logs: 'Logs', terminal: 'Terminal',
    hidden: n => `${n} more pods are not listed`, cancel: 'Cancel', confirm: 'Do it', close: 'Close', tried: 'Tried as a dry run. It would change:',
    noChange: 'Nothing in the template changes; new pods are made.', cause: 'Why (change-cause, optional)', replicas: 'Replicas', toRevision: 'To revision',
    before: 'the one before', lastHealthy: 'the last healthy one', withConfig: 'Also restore its ConfigMaps and Secrets', did: 'Done.',
    refused: 'The cluster refuses this', old: 'old', new: 'new', starting: 'starting', terminating: 'terminating', wanted: 'wanted', follow: 'Follow',
    previous: 'Before the last restart', container: 'Container', fold: n => `${n} equal lines`, noDifference: 'The templates are equal.',
    signIn: 'Sign in', token: 'Token of the cluster', tokenHelp: 'For instance: kubectl create token NAME', useLink: 'Open the dashboard by the link that it printed where it runs; it works once.',
    gone: 'It is deleted.', config: 'Restores', command: 'Command', open: 'Open', ended: 'The session has ended.', forecast: 'Forecast', events0: 'Nothing was told.', listed: 'Workloads',
    mayNot: 'You may not do this here', strategy: 'Strategy', checking: 'Trying …', seconds: n => `${n}s`, minutes: (m, s) => `${m}m${s ? s + 's' : ''}`, hours: (h, m) => `${h}h${m ? m + 'm' : ''}`, days: d => `${d}d`,
    filter: 'Filter by state', available: 'available', updated: 'updated', steps: 'Steps', promote: 'Promote', skip: 'Skip', abort: 'Abort', retry: 'Retry', promoteMeans: 'Go on with the next step now.', skipMeans: 'Leave this step out and go on.',
    abortMeans: 'Go back to the revision before, at once.', retryMeans: 'Ask the check again, or roll out the aborted release again.', rehearsing: 'Playing it in a private cluster …', takes: t => `takes ${t}`,
    least: (a, b) => `at least ${a} of ${b} available`, most: n => `at most ${n} pods`,
  },
  zh: {
    language: 'English', skip: '跳到内容', leave: '退出', live: '实时', lost: '连接已断开,正在重试', connecting: '正在连接',
    done: '已完成', progressing: '发布中', paused: '已暂停', stuck: '受阻', failed: '失败', unavailable: '部分不可用', empty: '没有 Pod',
    search: '按名称、镜像、命名空间搜索', allNamespaces: '所有命名空间', allKinds: '所有类型', all: '全部', none: '没有匹配的工作负载。',
    nothing: '这里没有 Deployment、StatefulSet 或 DaemonSet。', of: (a, b) => `${b} 个中 ${a} 个就绪`, shown: (a, b) => `${b} 个工作负载中的 ${a} 个`,
    more: n => `另有 ${n} 个`, restarts: n => `重启 ${n} 次`, revision: n => `修订版本 ${n}`,
    back: '所有工作负载', undo: '回滚', pause: '暂停', resume: '恢复', restart: '重启', scale: '扩缩', image: '设置镜像', rehearse: '预演',
    revisions: '修订历史', pods: 'Pod', events: '事件', conditions: '状况', causes: '为什么停住', chart: '本次发布',
    newest: '运行中', healthy: '健康', by: who => `由 ${who}`, ago: t => `${t}前`, deadline: t => `距进度期限还有 ${t}`, compare: '比较',
    undoTo: n => `回滚到 ${n}`, pod: 'Pod', node: '节点', state: '状态', ready: '就绪', age: '存在时间', count: '重启次数', logs: '日志', terminal: '终端',
    hidden: n => `另有 ${n} 个 Pod 未列出`, cancel: '取消', confirm: '执行', close: '关闭', tried: '已试运行(dry run)。将会改变:',
    noChange: '模板不变,只会创建新的 Pod。', cause: '原因(change-cause,可选)', replicas: '副本数', toRevision: '目标修订版本',
    before: '上一个版本', lastHealthy: '最近一个健康的版本', withConfig: '同时恢复其 ConfigMap 和 Secret', did: '已完成。',
    refused: '集群拒绝了此操作', old: '旧', new: '新', starting: '启动中', terminating: '终止中', wanted: '期望', follow: '跟随',
    previous: '上次重启之前', container: '容器', fold: n => `${n} 行相同`, noDifference: '模板相同。',
    signIn: '登录', token: '集群令牌', tokenHelp: '例如:kubectl create token 名称', useLink: '请用启动处打印的链接打开仪表板;链接只能使用一次。',
    gone: '已被删除。', config: '将恢复', command: '命令', open: '打开', ended: '会话已结束。', forecast: '预演结果', events0: '没有事件。', listed: '工作负载',
    mayNot: '您无权在此执行此操作', strategy: '更新策略', checking: '正在试运行……', seconds: n => `${n} 秒`, minutes: (m, s) => `${m} 分${s ? s + ' 秒' : ''}`, hours: (h, m) => `${h} 小时${m ? m + ' 分' : ''}`, days: d => `${d} 天`,
    filter: '按状态筛选', available: '可用', updated: '已更新', steps: '步骤', promote: '推进', skip: '跳过', abort: '中止', retry: '重试', promoteMeans: '立即进入下一步。', skipMeans: '略过这一步并继续。',
    abortMeans: '立即回到之前的修订版本。', retryMeans: '重新检查,或重新发布被中止的版本。', rehearsing: '正在私有集群中预演……', takes: t => `用时 ${t}`,
    least: (a, b) => `${b} 个中至少 ${a} 个可用`, most: n => `最多 ${n} 个 Pod`,
  },
};

let chosen = localStorage.getItem('language') || (navigator.language.startsWith('zh') ? 'zh' : 'en');

export const t = (word, ...values) => {
  const found = WORDS[chosen][word] ?? WORDS.en[word];
  return typeof found === 'function' ? found(...values) : found;
};

export const language = () => chosen;

export function change() {
  chosen = chosen === 'en' ? 'zh' : 'en';
  localStorage.setItem('language', chosen);
}

export const SIGNS = { done: '✓', progressing: '↻', paused: '‖', stuck: '✕', failed: '✕', unavailable: '!', empty: '○' };

export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 100) return t('seconds', s);
  if (s < 3600) return t('minutes', Math.floor(s / 60), s < 600 ? s % 60 : 0);
  if (s < 172800) return t('hours', Math.floor(s / 3600), s < 36000 ? Math.floor(s % 3600 / 60) : 0);
  return t('days', Math.floor(s / 86400));
}
