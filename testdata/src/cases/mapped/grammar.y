// The grammar that parser.go would be made from: the lines which its //line directives name.
%{
package mapped
%}
%token NUMBER NAME
%%
sum : term
    | sum '+' term
    ;
term : NUMBER
     {
       value += int(token[0] - '0')
     }
     | NAME
     {
       unknown = append(unknown, token)
     }
     ;
%%
