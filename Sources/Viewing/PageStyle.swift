import Reporting

/// The look of the report, and what only the live page has.
enum PageStyle {
    static let sheet = LiveChart.styleSheet + own

    private static let own = """
        #connection{position:sticky;top:0;z-index:2;margin:0 0 12px;padding:8px 14px;background:var(--card);border-radius:6px;max-width:none}
        #connection[hidden]{display:none}
        svg.bar{height:8px;border-radius:4px;overflow:hidden;margin:26px 0 0}
        svg.small.bar{width:150px;height:6px;border-radius:3px;margin:0}
        .bar .rest{fill:var(--rule)}.bar .done{fill:var(--good)}.bar .odd{fill:var(--soft)}.bar .lost{fill:var(--bad)}.bar .begun{fill:var(--link)}
        .bar+.tiles{margin:18px 0 0;border:0}
        h2{margin-top:44px}main>.part>p.soft{margin:18px 0 0}
        td.wide{vertical-align:middle}
        .claims details{grid-column:2;margin-top:8px}.claims pre{margin-bottom:6px}
        .controls{display:flex;flex-wrap:wrap;gap:10px 26px;margin:16px 0 26px;font-size:14px;color:var(--soft)}
        .controls label{display:flex;align-items:center;gap:9px}
        input,select,button{font:inherit;font-size:14px;color:var(--ink);background:var(--card);border:1px solid var(--rule);border-radius:6px;\
        padding:5px 10px}
        input{width:210px}#output{width:330px}input:focus-visible,select:focus-visible,button:focus-visible{outline:2px solid var(--link);outline-offset:1px}
        button{cursor:pointer}
        .panels{display:grid;gap:58px 56px;padding:26px 0 34px 44px}
        .panels.one{max-width:860px}.panels.many{grid-template-columns:repeat(auto-fill,minmax(200px,1fr));padding-top:42px}
        .panels.one svg text{font-size:10px}
        .thin .l{stroke-width:9;opacity:.62}
        .panels.one .l{stroke-width:20}.panels.one .thin .l{stroke-width:11}
        .legend{gap:6px 24px;margin-top:6px}.legend .ink{color:var(--ink)}.legend i{font-style:normal}
        .finished .mark{color:var(--good)}.diverged .mark{color:var(--soft)}.failed .mark{color:var(--bad)}
        .running .mark{color:var(--link)}.interrupted .mark,.planned .mark{color:var(--rule)}
        .note button{margin:0 8px}
        @media (max-width:560px){.controls label{width:100%}input{flex:1;width:auto;min-width:0}.panels{padding-left:34px}\
        .panels.many{grid-template-columns:repeat(auto-fill,minmax(130px,1fr));gap:64px 40px}.panels.one svg text{font-size:17px}\
        .claims details{grid-column:1}}
        """
}
